//! Which part of a whole this process is, said on the command line or by a cluster.
//!
//! `--shard 2/4` says it. `--shard auto` asks the environment:
//!
//! - *Slurm array*: `SLURM_ARRAY_TASK_ID`, counted from `SLURM_ARRAY_TASK_MIN` (1 if it is not set) in steps of
//!   `SLURM_ARRAY_TASK_STEP` (1 if it is not set), of `SLURM_ARRAY_TASK_COUNT`;
//! - *Kubernetes indexed Job*: `JOB_COMPLETION_INDEX`, from 0, of `GATE_SHARDS`, which the manifest sets: Kubernetes does not
//!   tell a container how many there are.
//!
//! Without `--shard` the environment is not looked at: a run inside somebody's array job is a whole run, unless it was asked
//! to be a part. Both clusters at once, neither, or a value that is no number: a mistake in the call.
//!
//! The jobs of a run are dealt out by the plan alone, so nobody has to tell anybody.

use std::fmt;
use std::str::FromStr;

use graphlock_harness::scenario::Shard;

use crate::engine::Engine;
use crate::plan::{Job, Purpose};

/// The most parts. More would be a slip of the finger.
const COUNT_MAX: u32 = 10_000;

/// A part as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ShardWord {
    /// The environment says which.
    Auto,
    /// This one.
    Exactly(Shard),
}

impl FromStr for ShardWord {
    type Err = String;

    fn from_str(word: &str) -> Result<ShardWord, String> {
        if word == "auto" {
            return Ok(ShardWord::Auto);
        }
        let numbers = word.split_once('/').and_then(|(number, count)| {
            Some(Shard { number: number.parse().ok()?, count: count.parse().ok()? })
        });
        let valid = numbers.filter(is_valid).map(ShardWord::Exactly);
        valid.ok_or_else(|| format!("K/N with K from 1 to N, N up to {COUNT_MAX}; or auto"))
    }
}

/// Whether there can be such a part.
pub(crate) fn is_valid(shard: &Shard) -> bool {
    (1..=shard.count).contains(&shard.number) && shard.count <= COUNT_MAX
}

impl ShardWord {
    /// The part that is meant.
    ///
    /// # Errors
    /// In one line, if the environment was asked and does not say it.
    pub(crate) fn resolve(self) -> Result<Shard, String> {
        match self {
            ShardWord::Exactly(shard) => Ok(shard),
            ShardWord::Auto => Environment(&|name| std::env::var_os(name).map(text)).shard(),
        }
    }
}

fn text(value: std::ffi::OsString) -> String {
    value.to_string_lossy().into_owned()
}

/// The variables of a process.
struct Environment<'a>(&'a dyn Fn(&str) -> Option<String>);

impl Environment<'_> {
    fn shard(&self) -> Result<Shard, String> {
        let (slurm, kubernetes) = ("SLURM_ARRAY_TASK_ID", "JOB_COMPLETION_INDEX");
        match ((self.0)(slurm), (self.0)(kubernetes)) {
            (Some(_), Some(_)) => Err(format!(
                "--shard auto: found {slurm} and {kubernetes}, expected one of them; give --shard K/N"
            )),
            (Some(_), None) => self.slurm(slurm),
            (None, Some(_)) => self.kubernetes(kubernetes),
            (None, None) => Err(format!(
                "--shard auto: found neither {slurm} nor {kubernetes}, expected a Slurm array or a Kubernetes indexed Job; \
                 give --shard K/N elsewhere"
            )),
        }
    }

    fn slurm(&self, id: &str) -> Result<Shard, String> {
        let first = self.number("SLURM_ARRAY_TASK_MIN", Some(1))?;
        let step = self.number("SLURM_ARRAY_TASK_STEP", Some(1))?.max(1);
        let count = self.number("SLURM_ARRAY_TASK_COUNT", None)?;
        let own = self.number(id, None)?;
        let steps = own.checked_sub(first).filter(|steps| steps % step == 0);
        let number = steps.map(|steps| u64::from(steps / step) + 1);
        let expected = format!("one of {count} from {first} in steps of {step}");
        valid(number, count).ok_or_else(|| {
            format!("--shard auto: found {id} `{own}`, expected {expected} (SLURM_ARRAY_TASK_MIN, _STEP and _COUNT)")
        })
    }

    fn kubernetes(&self, index: &str) -> Result<Shard, String> {
        let count = self.number("GATE_SHARDS", None)?;
        let own = self.number(index, None)?;
        valid(Some(u64::from(own) + 1), count).ok_or_else(|| {
            format!("--shard auto: found {index} `{own}`, expected one from 0 to below GATE_SHARDS, which is {count}")
        })
    }

    fn number(&self, name: &str, default: Option<u32>) -> Result<u32, String> {
        match ((self.0)(name), default) {
            (None, Some(default)) => Ok(default),
            (None, None) => Err(format!(
                "--shard auto: found no {name}, expected the number that belongs to it"
            )),
            (Some(value), _) => value
                .parse()
                .map_err(|_| format!("--shard auto: found {name} `{value}`, expected a number")),
        }
    }
}

fn valid(number: Option<u64>, count: u32) -> Option<Shard> {
    let number = number.and_then(|number| u32::try_from(number).ok())?;
    Some(Shard { number, count }).filter(is_valid)
}

/// A part or the whole, in words.
pub(crate) struct Named(pub(crate) Option<Shard>);

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(shard) => write!(f, "shard {shard}"),
            None => f.write_str("the whole run"),
        }
    }
}

/// The jobs of a part, in the order of the plan. Jobs of one kind take about the same time, so each kind is dealt out evenly.
pub(crate) fn deal(jobs: &[Job], shard: Option<Shard>) -> Vec<usize> {
    let Some(shard) = shard else { return (0..jobs.len()).collect() };
    let kind = |job: &Job| match (job.purpose, job.engine) {
        (Purpose::Row { .. }, Engine::Loom) => 0,
        (Purpose::Row { .. }, Engine::Harness) => 1,
        (Purpose::Planted(_), _) => 2,
        (Purpose::Twice, _) => 3,
        (Purpose::Row { .. }, Engine::Std) | (Purpose::Expected(_), _) => 4,
    };
    let mut order: Vec<usize> = (0..jobs.len()).collect();
    order.sort_by_key(|index| (kind(&jobs[*index]), *index));
    let own = order.into_iter().skip(shard.number as usize - 1).step_by(shard.count as usize);
    let mut own: Vec<usize> = own.collect();
    own.sort_unstable();
    own
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::tests::job;

    fn from(variables: &[(&str, &str)]) -> Result<String, String> {
        let look = |name: &str| {
            let found = variables.iter().find(|(each, _)| *each == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Environment(&look).shard().map(|shard| shard.to_string())
    }

    const ID: &str = "SLURM_ARRAY_TASK_ID";
    const COUNT: &str = "SLURM_ARRAY_TASK_COUNT";
    const MIN: &str = "SLURM_ARRAY_TASK_MIN";
    const STEP: &str = "SLURM_ARRAY_TASK_STEP";
    const INDEX: &str = "JOB_COMPLETION_INDEX";
    const SHARDS: &str = "GATE_SHARDS";

    #[test]
    fn an_array_and_an_indexed_job_say_which_part_it_is() {
        let cases: [(&[(&str, &str)], &str); 6] = [
            (&[(ID, "1"), (COUNT, "4")], "1/4"),
            (&[(ID, "0"), (COUNT, "4"), (MIN, "0")], "1/4"),
            (&[(ID, "3"), (COUNT, "4"), (MIN, "0"), (STEP, "1")], "4/4"),
            (&[(ID, "14"), (COUNT, "3"), (MIN, "10"), (STEP, "2")], "3/3"),
            (&[(INDEX, "0"), (SHARDS, "4")], "1/4"),
            (&[(INDEX, "3"), (SHARDS, "4"), (COUNT, "9")], "4/4"),
        ];
        for (variables, expected) in cases {
            assert_eq!(from(variables).as_deref(), Ok(expected), "{variables:?}");
        }
    }

    #[test]
    fn what_an_environment_does_not_say_is_refused() {
        let cases: [(&[(&str, &str)], &str); 11] = [
            (&[], "found neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX"),
            (&[(ID, "1"), (INDEX, "0")], "found SLURM_ARRAY_TASK_ID and JOB_COMPLETION_INDEX"),
            (&[(ID, "1")], "found no SLURM_ARRAY_TASK_COUNT"),
            (&[(ID, "0"), (COUNT, "4")], "found SLURM_ARRAY_TASK_ID `0`, expected one of 4 from 1"),
            (&[(ID, "5"), (COUNT, "4")], "found SLURM_ARRAY_TASK_ID `5`"),
            (&[(ID, "x"), (COUNT, "4")], "found SLURM_ARRAY_TASK_ID `x`, expected a number"),
            (&[(ID, "13"), (COUNT, "3"), (MIN, "10"), (STEP, "2")], "in steps of 2"),
            (&[(ID, "1"), (COUNT, "0")], "found SLURM_ARRAY_TASK_ID `1`"),
            (&[(INDEX, "0")], "found no GATE_SHARDS"),
            (&[(INDEX, "4"), (SHARDS, "4")], "found JOB_COMPLETION_INDEX `4`"),
            (&[(INDEX, "-1"), (SHARDS, "4")], "found JOB_COMPLETION_INDEX `-1`, expected a number"),
        ];
        for (variables, expected) in cases {
            let refused = from(variables).expect_err("it does not say it");
            assert!(refused.contains(expected) && !refused.contains('\n'), "{refused}");
        }
    }

    #[test]
    fn a_word_is_a_part_or_auto() {
        let exactly = |number, count| Ok(ShardWord::Exactly(Shard { number, count }));
        assert_eq!("2/4".parse(), exactly(2, 4));
        assert_eq!("auto".parse(), Ok(ShardWord::Auto));
        for word in ["", "0/4", "5/4", "1", "1/", "/4", "1/10001", "-1/4", "1/4/4", "AUTO"] {
            assert!(word.parse::<ShardWord>().is_err(), "{word}");
        }
    }

    #[test]
    fn the_parts_are_the_whole_and_each_has_some_of_every_kind() {
        let row = |engine| job(Purpose::Row { must_complete: true }, engine);
        let jobs: Vec<Job> = (0..12)
            .map(|index| {
                [row(Engine::Harness), row(Engine::Loom), row(Engine::Std)][index % 3].clone()
            })
            .collect();
        for count in 1..=20 {
            let parts: Vec<Vec<usize>> =
                (1..=count).map(|number| deal(&jobs, Some(Shard { number, count }))).collect();
            let mut all: Vec<usize> = parts.concat();
            all.sort_unstable();
            assert_eq!(all, deal(&jobs, None), "{count} parts");
        }
        for part in (1..=4).map(|number| deal(&jobs, Some(Shard { number, count: 4 }))) {
            let engines: std::collections::BTreeSet<Engine> =
                part.iter().map(|index| jobs[*index].engine).collect();
            assert_eq!(engines.len(), 3, "{part:?}");
        }
    }
}
