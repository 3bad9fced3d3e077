//! Images, nodes, loops, and whoever takes steps.

use toml::de::DeTable;

use super::place::{Rejection, Text, one_of};
use super::steps;
use super::table::{Table, Word};
use crate::program::{
    BottomHalf, Command, Deferral, Driver, Edge, Expect, Fault, FaultKind, Image, ImageId, LoopId,
    Mode, Node, NodeId, Party, Place, Program, Task, intern,
};
use crate::rules::{Broken, Part};
use crate::step::Step;

/// The most tables of one kind.
const TABLES_MAX: usize = 16;
/// The most steps of a program.
const STEPS_MAX: usize = 400;
/// The most loops; with tasks, threads and workers they are the tasks of an execution.
const LOOPS_MAX: usize = 8;
const TASKS_MAX: usize = 12;
const WORKERS_MAX: u32 = 4;

/// The names that a file gives, in the order of its tables.
#[derive(Default)]
pub(super) struct Names {
    pub(super) images: Vec<String>,
    pub(super) nodes: Vec<String>,
    pub(super) loops: Vec<String>,
    pub(super) bottom_halves: Vec<String>,
    pub(super) commands: Vec<String>,
    pub(super) events: Vec<String>,
}

impl Names {
    /// The number of the name `word`.
    pub(super) fn find(
        &self,
        text: &Text<'_>,
        what: &str,
        of: fn(&Names) -> &[String],
        word: &Word,
    ) -> Result<usize, Rejection> {
        let names = of(self);
        names.iter().position(|each| *each == word.word).ok_or_else(|| {
            let expected = one_of(names.iter().map(String::as_str), &word.word);
            text.reject(word.at, format!("unknown {what} `{}`", word.word), expected)
        })
    }
}

/// A node before its names are kept.
struct NodePart {
    at: usize,
    driver: Driver,
    open: bool,
    children: Vec<(Edge, NodeId)>,
}

/// Somebody who takes steps.
struct Taker {
    name: String,
    /// Where its table stands.
    at: usize,
    /// Of a task.
    place: Place,
    /// Of a bottom half.
    home: Option<LoopId>,
    holds: Vec<NodeId>,
    words: Vec<Word>,
    steps: Vec<Step>,
}

/// A file, taken apart.
pub(super) struct Parts {
    names: Names,
    about: String,
    deferral: Option<Deferral>,
    workers: usize,
    expect: Expect,
    nodes: Vec<NodePart>,
    tasks: Vec<Taker>,
    bottom_halves: Vec<Taker>,
    commands: Vec<Taker>,
    main: Taker,
    faults: Vec<Fault>,
}

const TOP: [&str; 12] = [
    "about",
    "deferral",
    "workers",
    "events",
    "image",
    "node",
    "loop",
    "task",
    "bottom-half",
    "command",
    "fault",
    "main",
];

impl Parts {
    pub(super) fn read(text: &Text<'_>) -> Result<Parts, Rejection> {
        let table = DeTable::parse(text.text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            text.reject(
                at,
                "no TOML".to_owned(),
                format!("TOML ({})", error.message().replace('\n', ", ")),
            )
        })?;
        let top = Table::new(text, table.get_ref(), 0, &TOP)?;
        let images = top.tables("image", TABLES_MAX, &["name"])?;
        let nodes = top.tables(
            "node",
            TABLES_MAX,
            &["name", "driver", "image", "mode", "open", "children"],
        )?;
        let loops = top.tables("loop", LOOPS_MAX, &["name", "steps", "holds"])?;
        let tasks = top.tables("task", TASKS_MAX, &["name", "on", "holds", "steps"])?;
        let bottom_halves = top.tables("bottom-half", TABLES_MAX, &["name", "on", "steps"])?;
        let commands = top.tables("command", TABLES_MAX, &["name", "steps"])?;
        let faults = top.tables("fault", TABLES_MAX, &["image", "kind", "number"])?;
        let main = top.table("main", &["steps", "expect"])?;
        let mut names = Names {
            images: distinct(&images)?,
            nodes: distinct(&nodes)?,
            loops: distinct(&loops)?,
            bottom_halves: distinct(&bottom_halves)?,
            commands: distinct(&commands)?,
            events: events(text, &top)?,
        };
        distinct(&tasks)?;
        own_tasks_are_distinct(&loops, &tasks)?;
        let nodes =
            nodes.iter().map(|table| node(text, &names, table)).collect::<Result<_, _>>()?;
        let own = loops.iter().filter(|table| table.has("steps"));
        let mut takers =
            own.map(|table| task(text, &names, table, true)).collect::<Result<Vec<_>, _>>()?;
        for table in &tasks {
            takers.push(task(text, &names, table, false)?);
        }
        let mut parts = Parts {
            about: top.word("about")?.map_or_else(String::new, |about| about.word),
            deferral: one(&top, "deferral", &Deferral::ALL, Deferral::word)?,
            workers: top.number("workers", WORKERS_MAX)?.unwrap_or(0) as usize,
            expect: match &main {
                Some(main) => one(main, "expect", &[Expect::NoConflict], |_| "no-conflict")?,
                None => None,
            }
            .unwrap_or_default(),
            nodes,
            tasks: takers,
            bottom_halves: bottom_halves
                .iter()
                .map(|table| callback(text, &names, table, "on"))
                .collect::<Result<_, _>>()?,
            commands: commands
                .iter()
                .map(|table| callback(text, &names, table, ""))
                .collect::<Result<_, _>>()?,
            main: Taker {
                words: main.map_or(Ok(Vec::new()), |main| main.words("steps"))?,
                ..Taker::new("main".to_owned(), main.map_or(0, |main| main.at))
            },
            faults: faults
                .iter()
                .map(|table| fault(text, &names, table))
                .collect::<Result<_, _>>()?,
            names: Names::default(),
        };
        parts.read_steps(text, &mut names)?;
        parts.names = names;
        Ok(parts)
    }

    /// Steps come last: they name everything else.
    fn read_steps(&mut self, text: &Text<'_>, names: &mut Names) -> Result<(), Rejection> {
        let mut left = STEPS_MAX;
        let others = self.tasks.iter_mut().chain(&mut self.bottom_halves).chain(&mut self.commands);
        for taker in std::iter::once(&mut self.main).chain(others) {
            for word in &taker.words {
                left = left.checked_sub(1).ok_or_else(|| {
                    let found = format!("more than {STEPS_MAX} steps");
                    text.reject(word.at, found, format!("at most {STEPS_MAX}"))
                })?;
                taker.steps.push(steps::step(text, names, word)?);
            }
        }
        Ok(())
    }

    fn taker(&self, party: Party) -> &Taker {
        match party {
            Party::Main => &self.main,
            Party::Task(task) => &self.tasks[task.0],
            Party::BottomHalf(bottom_half) => &self.bottom_halves[bottom_half.0],
            Party::Command(command) => &self.commands[command.0],
        }
    }

    /// Where that stands which breaks a rule: a step, or a table.
    pub(super) fn place_of(&self, broken: &Broken) -> usize {
        let step = broken.step.and_then(|(party, step)| self.taker(party).words.get(step));
        match (step, broken.part) {
            (Some(word), _) => word.at,
            (None, Some(Part::Node(node))) => self.nodes[node.0].at,
            (None, Some(Part::Party(party))) => self.taker(party).at,
            (None, None) => self.nodes.first().map_or(0, |node| node.at),
        }
    }

    /// The program. Its names are kept from here on.
    pub(super) fn program(&self) -> Program {
        let all = |names: &[String]| names.iter().map(|name| intern(name)).collect::<Vec<_>>();
        let nodes = self.nodes.iter().zip(all(&self.names.nodes)).map(|(part, name)| Node {
            name,
            driver: part.driver,
            open: part.open,
            children: part.children.clone(),
        });
        let tasks = self.tasks.iter().map(|task| Task {
            name: intern(&task.name),
            place: task.place,
            holds: task.holds.clone(),
            steps: task.steps.clone(),
        });
        let bottom_halves = self.bottom_halves.iter().map(|each| BottomHalf {
            name: intern(&each.name),
            place: each.home,
            steps: each.steps.clone(),
        });
        let commands = self
            .commands
            .iter()
            .map(|each| Command { name: intern(&each.name), steps: each.steps.clone() });
        Program {
            about: self.about.clone(),
            deferral: self.deferral,
            expect: self.expect,
            workers: self.workers,
            images: all(&self.names.images).into_iter().map(|name| Image { name }).collect(),
            nodes: nodes.collect(),
            loops: all(&self.names.loops),
            tasks: tasks.collect(),
            bottom_halves: bottom_halves.collect(),
            commands: commands.collect(),
            events: all(&self.names.events),
            faults: self.faults.clone(),
            main: self.main.steps.clone(),
        }
    }
}

impl Taker {
    fn new(name: String, at: usize) -> Self {
        Taker {
            name,
            at,
            place: Place::Thread,
            home: None,
            holds: Vec::new(),
            words: Vec::new(),
            steps: Vec::new(),
        }
    }
}

/// The names of tables, each once.
fn distinct(tables: &[Table<'_>]) -> Result<Vec<String>, Rejection> {
    let mut names: Vec<String> = Vec::new();
    for table in tables {
        let name = table.name()?;
        if names.contains(&name.word) {
            let found = format!("`{}` a second time", name.word);
            return Err(table.reject(&name, found, "another name".to_owned()));
        }
        names.push(name.word);
    }
    Ok(names)
}

/// Events that are listed, for another order than that in which steps name them.
fn events(text: &Text<'_>, top: &Table<'_>) -> Result<Vec<String>, Rejection> {
    let mut events = Vec::new();
    for word in top.words("events")? {
        steps::event(text, &mut events, &word)?;
    }
    Ok(events)
}

/// A loop with steps is a task, too: no other task has its name. Without steps it holds nothing.
fn own_tasks_are_distinct(loops: &[Table<'_>], tasks: &[Table<'_>]) -> Result<(), Rejection> {
    for table in loops {
        let name = table.name()?;
        if !table.has("steps") {
            if let Some(first) = table.words("holds")?.first() {
                let found = "`holds` of a loop without `steps`".to_owned();
                return Err(table.reject(first, found, "`steps`, too".to_owned()));
            }
            continue;
        }
        for task in tasks {
            let same = task.name()?;
            if same.word == name.word {
                let found = format!("`{}`, the task of that loop, a second time", same.word);
                return Err(table.reject(&same, found, "another name".to_owned()));
            }
        }
    }
    Ok(())
}

/// One of some words.
fn one<T: Copy>(
    table: &Table<'_>,
    key: &str,
    values: &[T],
    word_of: impl Fn(T) -> &'static str,
) -> Result<Option<T>, Rejection> {
    let Some(word) = table.word(key)? else { return Ok(None) };
    let found = values.iter().copied().find(|value| word_of(*value) == word.word);
    found.map(Some).ok_or_else(|| {
        let expected = one_of(values.iter().map(|value| word_of(*value)), &word.word);
        table.reject(&word, format!("`{}`", word.word), expected)
    })
}

pub(super) fn edge(text: &Text<'_>, word: &str, at: usize) -> Result<Edge, Rejection> {
    Edge::ALL.into_iter().find(|edge| edge.word() == word).ok_or_else(|| {
        let expected = one_of(Edge::ALL.into_iter().map(Edge::word), word);
        text.reject(at, format!("edge `{word}`"), expected)
    })
}

fn node(text: &Text<'_>, names: &Names, table: &Table<'_>) -> Result<NodePart, Rejection> {
    const DRIVERS: [&str; 7] =
        ["null", "storage", "device", "reader", "raw", "copy-before-write", "overlay"];
    let image = match table.word("image")? {
        Some(word) => Some(ImageId(names.find(text, "image", |names| &names.images, &word)?)),
        None => None,
    };
    let default = if image.is_some() { "storage" } else { "null" };
    let driver = one(table, "driver", &DRIVERS, |word| word)?.unwrap_or(default);
    let mode = one(table, "mode", &[Mode::ReadOnly, Mode::ReadWrite], Mode::word)?;
    let misplaced = |key: &str| -> Result<(), Rejection> {
        match table.word(key)? {
            Some(word) if driver != "storage" => {
                let found = format!("`{key}` of a `{driver}`");
                Err(table.reject(&word, found, "that of a `storage`".to_owned()))
            }
            _ => Ok(()),
        }
    };
    misplaced("image")?;
    misplaced("mode")?;
    let driver = match (driver, image) {
        ("storage", Some(image)) => {
            Driver::Storage { image, mode: mode.unwrap_or(Mode::ReadWrite) }
        }
        ("storage", None) => {
            return Err(table.required("image").err().unwrap_or_else(|| {
                text.reject(
                    table.at,
                    "a `storage` without `image`".to_owned(),
                    "an image".to_owned(),
                )
            }));
        }
        ("device", _) => Driver::Device { writes: true },
        ("reader", _) => Driver::Device { writes: false },
        ("raw", _) => Driver::Raw,
        ("copy-before-write", _) => Driver::CopyBeforeWrite,
        ("overlay", _) => Driver::Overlay,
        _ => Driver::Null,
    };
    let children = table.pairs("children")?.into_iter().map(|(name, child)| {
        let edge = edge(text, &name.word, name.at)?;
        Ok((edge, NodeId(names.find(text, "node", |names| &names.nodes, &child)?)))
    });
    let children = children.collect::<Result<_, Rejection>>()?;
    Ok(NodePart { at: table.at, driver, open: table.flag("open")?.unwrap_or(true), children })
}

/// A task; `own`: of a loop that has steps.
fn task(text: &Text<'_>, names: &Names, table: &Table<'_>, own: bool) -> Result<Taker, Rejection> {
    let name = table.name()?;
    let find = |word: &Word| names.find(text, "loop", |names| &names.loops, word).map(LoopId);
    let place = if own {
        Place::Loop(find(&name)?)
    } else {
        let on = table.required("on")?;
        match on.word.as_str() {
            "main" => Place::Main,
            "thread" => Place::Thread,
            _ => Place::Loop(find(&on)?),
        }
    };
    let holds = table.words("holds")?;
    let holds =
        holds.iter().map(|word| names.find(text, "node", |names| &names.nodes, word).map(NodeId));
    let holds = holds.collect::<Result<Vec<_>, _>>()?;
    Ok(Taker { place, holds, words: table.words("steps")?, ..Taker::new(name.word, table.at) })
}

/// A bottom half or a command.
fn callback(
    text: &Text<'_>,
    names: &Names,
    table: &Table<'_>,
    on: &str,
) -> Result<Taker, Rejection> {
    let home = match table.word(on)? {
        Some(word) if word.word != "main" => {
            Some(LoopId(names.find(text, "loop", |names| &names.loops, &word)?))
        }
        _ => None,
    };
    Ok(Taker { home, words: table.words("steps")?, ..Taker::new(table.name()?.word, table.at) })
}

fn fault(text: &Text<'_>, names: &Names, table: &Table<'_>) -> Result<Fault, Rejection> {
    const NUMBER_MAX: u32 = 1_000;
    let image = table.required("image")?;
    let image = ImageId(names.find(text, "image", |names| &names.images, &image)?);
    table.required("kind")?;
    let kind = one(table, "kind", &FaultKind::ALL, FaultKind::word)?.unwrap_or(FaultKind::Read);
    Ok(Fault { image, kind, number: table.number("number", NUMBER_MAX)?.unwrap_or(0) })
}
