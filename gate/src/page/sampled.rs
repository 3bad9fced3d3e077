//! The page of a sampling: what was known after how many runs. Where a curve becomes flat, more runs teach little; where
//! it still rises, what was not met may be most of it.

use graphlock_harness::outcome::{CurvePoint, LengthBucket};
use maud::{Markup, html};

use super::{chart, page};
use crate::table::count;

/// A sampling, ready to be shown.
#[derive(Debug)]
pub(crate) struct Sampled<'a> {
    /// What was sampled.
    pub(crate) title: String,
    /// What is said of it: name and value.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// What a run is called: `runs`, `programs`.
    pub(crate) unit: &'static str,
    /// What was known when.
    pub(crate) curve: &'a [Known],
    /// How long executions were, where that is known of all together.
    pub(crate) lengths: Vec<LengthBucket>,
    /// What the command said on the terminal.
    pub(crate) text: String,
}

/// What was known after so many runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    /// Runs, or programs.
    pub(crate) runs: u64,
    /// Different traces.
    pub(crate) traces: u64,
    /// How likely the next run is to meet a new one, where that is known.
    pub(crate) next_is_new: Option<f64>,
    /// Different cases.
    pub(crate) cases: usize,
}

impl From<&CurvePoint> for Known {
    fn from(point: &CurvePoint) -> Known {
        Known {
            runs: point.runs,
            traces: point.saturation.traces,
            next_is_new: Some(point.saturation.next_is_new),
            cases: point.cases,
        }
    }
}

/// The text of the page.
pub(crate) fn sampled(sampled: &Sampled<'_>) -> String {
    let curve = sampled.curve;
    let traces: Vec<(u64, f64)> =
        curve.iter().map(|point| (point.runs, point.traces as f64)).collect();
    let new: Vec<(u64, f64)> =
        curve.iter().filter_map(|point| Some((point.runs, point.next_is_new?))).collect();
    let cases: Vec<(u64, f64)> =
        curve.iter().map(|point| (point.runs, point.cases as f64)).collect();
    let most = |points: &[(u64, f64)]| points.iter().map(|(_, value)| *value).fold(0.0, f64::max);
    let content = html! {
        header {
            h1 { (sampled.title) }
            p.soft { "Sampled: a pass says nothing of what was not drawn." }
        }
        main {
            dl.number { @for (name, value) in &sampled.facts { dt { (name) } dd { (value) } } }
            h2 { "What more " (sampled.unit) " still taught" }
            div.charts {
                (chart_of("Different traces", sampled.unit, &traces, most(&traces), &|y| count(y as u64)))
                @if !new.is_empty() {
                    (chart_of("The next one is new, in percent", sampled.unit, &new, 1.0,
                        &|y| format!("{:.1}", 100.0 * y)))
                }
                (chart_of("Different cases", sampled.unit, &cases, most(&cases), &|y| count(y as u64)))
            }
            @if let (Some(first), Some(last)) = (sampled.lengths.first(), sampled.lengths.last()) {
                h2 { "Steps for each execution" }
                (chart::histogram(&sampled.lengths))
                div.ends.number { span { (chart::range(first)) } span { (chart::range(last)) } }
            }
            (table(sampled))
            @if !sampled.text.is_empty() {
                h2 { "As the terminal said it" }
                pre { (sampled.text) }
            }
        }
    };
    page(&sampled.title, &content)
}

fn chart_of(
    title: &str,
    unit: &str,
    points: &[(u64, f64)],
    y_max: f64,
    shown: &dyn Fn(f64) -> String,
) -> Markup {
    let end = |point: Option<&(u64, f64)>| {
        point.map_or_else(String::new, |(runs, value)| {
            format!("{}: {}", count(*runs), shown(*value))
        })
    };
    html! {
        div {
            h4 { (title) }
            (chart::curve(title, points, y_max))
            div.ends.number {
                span { (end(points.first())) }
                span { (unit) }
                span { (end(points.last())) }
            }
        }
    }
}

fn table(sampled: &Sampled<'_>) -> Markup {
    html! {
        h2 { "The same as a table" }
        table {
            thead { tr {
                th.number { (sampled.unit) } th.number { "traces" } th.number { "next is new" } th.number { "cases" }
            } }
            tbody { @for point in sampled.curve {
                tr {
                    td.number { (count(point.runs)) }
                    td.number { (count(point.traces)) }
                    td.number { @match point.next_is_new {
                        Some(share) => { (format!("{:.2} %", 100.0 * share)) },
                        None => { "-" },
                    } }
                    td.number { (point.cases) }
                }
            } }
        }
    }
}
