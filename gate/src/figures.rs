//! How far something has come, in words that fit the room there is.
//!
//! Cases: *an estimate* (how many executions there may be, and the time that is left at this rate); *a limit of time* (what
//! is left of it at most); *neither* (executions and rate alone).

use std::time::Duration;

use graphlock_harness::outcome::{Estimate, Progress};

use crate::table::{count, seconds};

/// Columns in which a name is still worth reading.
const NAME_MIN: usize = 12;

/// Executions, rate, estimate and time left.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    /// So far.
    pub(crate) executions: u64,
    /// In a second.
    pub(crate) rate: f64,
    /// How many there may be.
    pub(crate) estimate: Option<Estimate>,
    /// The time that is left, at this rate.
    pub(crate) left: Option<Duration>,
    /// The time after which it is cut off, if it is not through before.
    pub(crate) cut_after: Option<Duration>,
    /// The share of it that is over.
    pub(crate) share: f64,
}

impl Figures {
    /// Of something that has just begun.
    pub(crate) fn begun(time_max: Option<Duration>) -> Figures {
        Figures { cut_after: time_max, ..Figures::default() }
    }

    /// Of a search that ends at the latest after this time.
    pub(crate) fn of(progress: &Progress, time_max: Option<Duration>) -> Figures {
        let cut_after = time_max.map(|most| most.saturating_sub(progress.elapsed));
        let of_time = time_max.map_or(0.0, |most| {
            progress.elapsed.as_secs_f64() / most.as_secs_f64().max(f64::MIN_POSITIVE)
        });
        Figures {
            executions: progress.executions,
            rate: progress.rate,
            estimate: progress.estimate,
            left: progress.time_left().filter(|_| progress.rate > 0.0),
            cut_after,
            share: progress.explored.max(of_time),
        }
    }

    /// How much of it is over, from 0 to 1: of the executions or of the time, whichever ends it first.
    pub(crate) fn share(&self) -> f64 {
        self.share.clamp(0.0, 1.0)
    }

    /// All of it in one line.
    pub(crate) fn long(&self) -> String {
        let mut line = count(self.executions);
        match &self.estimate {
            Some(exact) if exact.low >= exact.high => {
                line += &format!(" of {} executions", about(exact.traces));
            }
            Some(estimate) => {
                let [low, traces, high] = [estimate.low, estimate.traces, estimate.high].map(about);
                line += &format!(" of about {traces} executions ({low} to {high})");
            }
            None => line += " executions",
        }
        self.with_rate_and_time(line)
    }

    fn middle(&self) -> String {
        let line = match &self.estimate {
            Some(estimate) => format!("{} of {}", count(self.executions), about(estimate.traces)),
            None => count(self.executions),
        };
        self.with_rate_and_time(line)
    }

    fn with_rate_and_time(&self, mut line: String) -> String {
        if self.rate > 0.0 {
            line += &format!(", {}/s", about(self.rate));
        }
        match self.time() {
            Some(time) => line + ", " + &time,
            None => line,
        }
    }

    /// The time that is left: at this rate, or until it is cut off.
    fn time(&self) -> Option<String> {
        let whole = |time: Duration| seconds(Duration::from_secs(time.as_secs()));
        match (self.left, self.cut_after) {
            (Some(left), Some(cut)) if cut < left => Some(format!("cut in {}", whole(cut))),
            (Some(left), _) => Some(format!("{} left", whole(left))),
            (None, Some(cut)) => Some(format!("at most {} left", whole(cut))),
            (None, None) => None,
        }
    }
}

/// A line of at most `room` columns: the name, then as many of the figures as there is room for.
pub(crate) fn fit(name: &str, figures: &Figures, room: usize) -> String {
    let shortest = count(figures.executions);
    let short = figures.with_rate_and_time(shortest.clone());
    let choices = [figures.long(), figures.middle(), short, shortest];
    // The longest that leaves a third of the room for the name, else the longest beside which it is still worth reading.
    let leaves =
        |name: usize| choices.iter().find(move |each| each.chars().count() + 2 + name <= room);
    let name_columns = name.chars().count();
    let third = NAME_MIN.max(room / 3).min(name_columns);
    let Some(figures) = leaves(third).or_else(|| leaves(NAME_MIN.min(name_columns))) else {
        return clip(name, room);
    };
    let name = clip(name, room - figures.chars().count() - 2);
    format!("{name}: {figures}")
}

/// At most `room` columns of a name, with a sign where something is left out: its end says as much as its beginning.
fn clip(name: &str, room: usize) -> String {
    let columns = name.chars().count();
    if columns <= room {
        return name.to_owned();
    }
    let Some(kept) = room.checked_sub(1) else { return String::new() };
    let tail = kept / 3;
    let head = name.chars().take(kept - tail);
    head.chain(['~']).chain(name.chars().skip(columns - tail)).collect()
}

/// A number with as many digits as mean anything.
pub(crate) fn about(number: f64) -> String {
    match number {
        small if small < 1e6 => count(small as u64),
        million if million < 1e9 => format!("{:.1} million", million / 1e6),
        billion if billion < 1e12 => format!("{:.1} billion", billion / 1e9),
        more => format!("{more:.1e}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "reader_meets_writer[readers=2,sections=1] harness with kick-removed";

    fn half_done(time_max: Option<u64>) -> Figures {
        let estimate = Estimate { traces: 4e6, low: 2e6, high: 8e6, probes: 9 };
        let progress = Progress {
            executions: 2_000_000,
            rate: 50_000.0,
            explored: 0.5,
            estimate: Some(estimate),
            elapsed: Duration::from_secs(40),
        };
        Figures::of(&progress, time_max.map(Duration::from_secs))
    }

    #[test]
    fn no_line_is_wider_than_its_room() {
        for room in 0..200 {
            for figures in [half_done(None), half_done(Some(60)), Figures::begun(None)] {
                let line = fit(NAME, &figures, room);
                assert!(line.chars().count() <= room, "{room}: {line}");
            }
        }
    }

    #[test]
    fn what_there_is_room_for_is_said() {
        let figures = half_done(None);
        let full = "2,000,000 of about 4.0 million executions (2.0 million to 8.0 million), 50,000/s, 40 s left";
        assert_eq!(fit(NAME, &figures, 200), format!("{NAME}: {full}"));
        assert_eq!(
            fit("short", &figures, 60),
            "short: 2,000,000 of 4.0 million, 50,000/s, 40 s left"
        );
        assert_eq!(
            fit(NAME, &figures, 78),
            "reader_meets_writer[~ck-removed: 2,000,000 of 4.0 million, 50,000/s, 40 s left"
        );
        assert_eq!(fit(NAME, &figures, 30), "reader_meets~emoved: 2,000,000");
    }

    #[test]
    fn the_bar_is_as_far_as_what_ends_first() {
        assert!((half_done(None).share() - 0.5).abs() < 1e-9);
        assert!((half_done(Some(50)).share() - 0.8).abs() < 1e-9);
        assert!(half_done(Some(50)).long().ends_with("cut in 10 s"));
        assert!(half_done(Some(500)).long().ends_with("40 s left"));
        let without = Progress::counted(7, None, Duration::from_secs(1));
        let figures = Figures::of(&without, Some(Duration::from_secs(9)));
        assert_eq!(figures.long(), "7 executions, 7/s, at most 8.0 s left");
        let drawn = Progress::counted(5, Some(20), Duration::from_secs(1));
        assert_eq!(Figures::of(&drawn, None).long(), "5 of 20 executions, 5/s, 3.0 s left");
    }
}
