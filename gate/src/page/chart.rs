//! Drawings of numbers as SVG, in the colours of the page: a histogram, and a curve.
//!
//! A drawing is as wide as its place. What it shows can be read without it: bars and points have their numbers as titles,
//! and whoever draws one says its ends in words.

use graphlock_harness::outcome::LengthBucket;
use maud::{Markup, html};

use crate::table::count;

const WIDTH: f64 = 320.0;

/// How long executions were.
pub(super) fn histogram(buckets: &[LengthBucket]) -> Markup {
    const HEIGHT: f64 = 72.0;
    let most = buckets.iter().map(|bucket| bucket.executions).max().unwrap_or(0).max(1);
    let room = WIDTH / buckets.len().max(1) as f64;
    let bars = buckets.iter().zip(0..).map(|(bucket, index)| {
        // What is there can be seen, however little it is.
        let least = if bucket.executions > 0 { 1.5 } else { 0.0 };
        let height = (HEIGHT * bucket.executions as f64 / most as f64).max(least);
        (bucket, f64::from(index) * room, height)
    });
    html! {
        svg.histogram viewBox={ "0 0 " (WIDTH) " " (HEIGHT + 1.0) } preserveAspectRatio="none" role="img"
            aria-label="distribution of steps for each execution" {
            @for (bucket, left, height) in bars {
                rect x=(short(left + 0.06 * room)) y=(short(HEIGHT - height))
                    width=(short(0.88 * room)) height=(short(height)) {
                    title { (range(bucket)) " steps, executions: " (count(bucket.executions)) }
                }
            }
            line.axis x1="0" x2=(WIDTH) y1=(HEIGHT + 0.5) y2=(HEIGHT + 0.5) {}
        }
    }
}

/// The lengths of a bucket, to read.
pub(super) fn range(bucket: &LengthBucket) -> String {
    if bucket.from == bucket.to {
        count(bucket.from)
    } else {
        format!("{} to {}", count(bucket.from), count(bucket.to))
    }
}

/// Points from left to right; the ways between are straight.
pub(super) fn curve(name: &str, points: &[(u64, f64)], y_max: f64) -> Markup {
    const HEIGHT: f64 = 120.0;
    let first = points.first().map_or(1.0, |(runs, _)| *runs as f64).max(1.0);
    let last = points.last().map_or(1.0, |(runs, _)| *runs as f64).max(first + 1.0);
    let place = |(runs, value): &(u64, f64)| {
        let across = (*runs as f64 - first).max(0.0) / (last - first);
        (WIDTH * across, HEIGHT - (HEIGHT - 4.0) * (value / y_max.max(f64::MIN_POSITIVE)).min(1.0))
    };
    let places: Vec<String> = points
        .iter()
        .map(place)
        .map(|(across, down)| format!("{},{}", short(across), short(down)))
        .collect();
    let halves = [0.25, 0.5, 0.75].map(|part| short(HEIGHT - (HEIGHT - 4.0) * part));
    html! {
        svg.curve viewBox={ "0 0 " (WIDTH) " " (HEIGHT + 1.0) } preserveAspectRatio="none" role="img"
            aria-label=(name) {
            @for down in &halves { line.grid x1="0" x2=(WIDTH) y1=(down) y2=(down) {} }
            polyline points=(places.join(" ")) vector-effect="non-scaling-stroke" {}
            line.axis x1="0" x2=(WIDTH) y1=(HEIGHT + 0.5) y2=(HEIGHT + 0.5) {}
        }
    }
}

/// A length in the drawing: digits beyond the second are never seen.
fn short(length: f64) -> String {
    format!("{length:.2}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bucket(from: u64, to: u64, executions: u64) -> LengthBucket {
        LengthBucket { from, to, executions }
    }

    #[test]
    fn every_bucket_has_a_bar_and_small_ones_are_seen() {
        let buckets = [bucket(8, 9, 1_000_000), bucket(10, 11, 1), bucket(12, 13, 0)];
        let text = histogram(&buckets).into_string();
        assert_eq!(text.matches("<rect").count(), 3, "{text}");
        assert!(text.contains("10 to 11 steps, executions: 1"), "{text}");
        let heights: Vec<&str> =
            text.split(" height=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        assert_eq!(heights, ["72.00", "1.50", "0.00"], "{text}");
    }

    #[test]
    fn a_curve_goes_from_the_left_edge_to_the_right() {
        let text = curve("traces", &[(1, 1.0), (10, 5.0), (100, 10.0)], 10.0).into_string();
        assert!(text.contains("points=\"0.00,108.40 29.09,62.00 320.00,4.00\""), "{text}");
        // Nothing known yet draws nothing, and one point divides by nothing.
        for points in [&[][..], &[(1, 0.0)]] {
            assert!(!curve("traces", points, 0.0).into_string().contains("NaN"));
        }
    }
}
