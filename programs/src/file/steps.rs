//! Steps: a word, and what it is about.

use super::parts::Names;
use super::place::{Rejection, Text, one_of};
use super::table::{Word, expected_name, is_name};
use crate::program::{BottomHalfId, CommandId, Edge, EventId, ImageId, LoopId, Mode, NodeId};
use crate::step::{Operand, Step, WORDS};

/// What stands in a step after its word.
struct Rest<'a> {
    text: &'a Text<'a>,
    names: &'a mut Names,
    step: &'a Word,
    /// Words that were not read, with where they stand.
    words: std::vec::IntoIter<(usize, &'a str)>,
    operands: &'static [Operand],
}

/// Reads a step.
pub(super) fn step(text: &Text<'_>, names: &mut Names, step: &Word) -> Result<Step, Rejection> {
    let words: Vec<(usize, &str)> = words(&step.word);
    let mut words = words.into_iter();
    let (at, word) = words.next().unwrap_or((0, ""));
    let Some((_, operands)) = WORDS.iter().find(|(each, _)| *each == word) else {
        let expected = one_of(WORDS.iter().map(|(word, _)| *word), word);
        return Err(text.reject(step.place(at), format!("step `{word}`"), expected));
    };
    let mut rest = Rest { text, names, step, words, operands };
    let read = rest.step(word)?;
    match rest.words.next() {
        None => Ok(read),
        Some((at, more)) => {
            let found = format!("`{more}` after `{word}`");
            Err(text.reject(step.place(at), found, form(word, operands)))
        }
    }
}

/// The number of an event, also of one that was not named before.
pub(super) fn event(
    text: &Text<'_>,
    events: &mut Vec<String>,
    word: &Word,
) -> Result<usize, Rejection> {
    const EVENTS_MAX: usize = 64;
    if !is_name(&word.word) {
        return Err(text.reject(word.at, format!("`{}`", word.word), expected_name()));
    }
    let at = events.iter().position(|each| *each == word.word).unwrap_or(events.len());
    if at == EVENTS_MAX {
        let found = format!("{} events", at + 1);
        return Err(text.reject(word.at, found, format!("at most {EVENTS_MAX}")));
    }
    if at == events.len() {
        events.push(word.word.clone());
    }
    Ok(at)
}

/// The words of a step with where they begin; a comma is a word.
fn words(step: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut begin = None;
    for (at, letter) in step.char_indices().chain([(step.len(), ' ')]) {
        let ends = letter.is_whitespace() || letter == ',';
        match begin {
            None if !ends => begin = Some(at),
            Some(from) if ends => {
                words.push((from, &step[from..at]));
                begin = None;
            }
            _ => {}
        }
        if letter == ',' && at < step.len() {
            words.push((at, &step[at..=at]));
        }
    }
    words
}

/// How a step is written.
fn form(word: &str, operands: &[Operand]) -> String {
    let operands = operands.iter().map(|operand| match operand {
        Operand::Node => " NODE",
        Operand::Edge => " NODE.EDGE",
        Operand::Loop => " LOOP",
        Operand::BottomHalf => " BOTTOM-HALF",
        Operand::Command => " COMMAND",
        Operand::Event => " EVENT",
        Operand::Image => " IMAGE",
        Operand::Mode => " read-only|read-write",
        Operand::NodesWithModes => " NODE read-only|read-write, ...",
    });
    format!("`{word}{}`", operands.collect::<String>())
}

impl Rest<'_> {
    fn step(&mut self, word: &str) -> Result<Step, Rejection> {
        Ok(match word {
            "write-lock" => Step::WriteLock { drained: false },
            "write-lock-drained" => Step::WriteLock { drained: true },
            "unlock" => Step::Unlock,
            "attach" => self.edge_and_node(Step::Attach)?,
            "detach" => {
                let (parent, edge) = self.edge()?;
                Step::Detach(parent, edge)
            }
            "replace" => self.edge_and_node(Step::Replace)?,
            "append" => self.edge_and_node(Step::Append)?,
            "replace-node" => Step::ReplaceNode(self.node()?, self.node()?),
            "schedule-unref" => Step::ScheduleUnref(self.node()?),
            "ref" => Step::Ref(self.node()?),
            "unref" => Step::Unref(self.node()?),
            "drop" => Step::Drop(self.node()?),
            "open" => Step::Open(self.node()?),
            "drain-begin" => Step::DrainBegin(self.node()?),
            "drain-end" => Step::DrainEnd(self.node()?),
            "drain-all-begin" => Step::DrainAllBegin,
            "drain-all-end" => Step::DrainAllEnd,
            "poll" => Step::Poll,
            "reopen" => self.nodes_with_modes()?,
            "commit" => Step::Commit(self.node()?),
            "stop" => Step::Stop(self.event_loop()?),
            "after" => Step::After(self.command()?),
            _ => self.step_of_task(word)?,
        })
    }

    fn step_of_task(&mut self, word: &str) -> Result<Step, Rejection> {
        Ok(match word {
            "read" => Step::Read(self.node()?),
            "write" => Step::Write(self.node()?),
            "flush" => Step::Flush(self.node()?),
            "defer-request" => Step::DeferRequest(self.node()?),
            "cancel-write" => Step::CancelWrite(self.node()?),
            "read-lock" => Step::ReadLock,
            "cancel-read-lock" => Step::CancelReadLock,
            "share" => Step::Share,
            "read-unlock" => Step::ReadUnlock,
            "look" => Step::Look(self.node()?),
            "yield" => Step::Yield,
            "pause" => Step::Pause,
            "move" => Step::Move(self.event_loop()?),
            "drained" => Step::Drained(self.node()?),
            "end-drained" => Step::EndDrained,
            "job" => Step::Job(self.node()?),
            "pause-point" => Step::PausePoint,
            "end-job" => Step::EndJob,
            "open-elsewhere" => Step::OpenElsewhere(self.image()?, self.mode()?),
            "close-elsewhere" => Step::CloseElsewhere(self.image()?),
            "inspect" => Step::Inspect(self.image()?),
            "schedule" => Step::Schedule(self.bottom_half()?),
            "cancel" => Step::Cancel(self.bottom_half()?),
            "delete" => Step::Delete(self.bottom_half()?),
            "post" => Step::Post(self.command()?),
            "signal" => Step::Signal(self.event()?),
            "wait" => Step::Wait(self.event()?),
            other => unreachable!("`{other}` is in the table of words, and nobody reads it"),
        })
    }

    fn next(&mut self) -> Result<Word, Rejection> {
        match self.words.next() {
            Some((at, word)) => Ok(self.step.part(at, word)),
            None => {
                let end = self.step.place(self.step.word.trim_end().len());
                let word = self.step.word.split_whitespace().next().unwrap_or_default();
                Err(self.text.reject(
                    end,
                    "the end of the step".to_owned(),
                    form(word, self.operands),
                ))
            }
        }
    }

    fn known(&mut self, what: &str, of: fn(&Names) -> &[String]) -> Result<usize, Rejection> {
        let word = self.next()?;
        self.names.find(self.text, what, of, &word)
    }

    fn node(&mut self) -> Result<NodeId, Rejection> {
        self.known("node", |names| &names.nodes).map(NodeId)
    }

    fn event_loop(&mut self) -> Result<LoopId, Rejection> {
        self.known("loop", |names| &names.loops).map(LoopId)
    }

    fn command(&mut self) -> Result<CommandId, Rejection> {
        self.known("command", |names| &names.commands).map(CommandId)
    }

    fn bottom_half(&mut self) -> Result<BottomHalfId, Rejection> {
        self.known("bottom half", |names| &names.bottom_halves).map(BottomHalfId)
    }

    fn image(&mut self) -> Result<ImageId, Rejection> {
        self.known("image", |names| &names.images).map(ImageId)
    }

    /// Events are there when they are first named.
    fn event(&mut self) -> Result<EventId, Rejection> {
        let word = self.next()?;
        event(self.text, &mut self.names.events, &word).map(EventId)
    }

    fn mode(&mut self) -> Result<Mode, Rejection> {
        let word = self.next()?;
        let modes = [Mode::ReadOnly, Mode::ReadWrite];
        modes.into_iter().find(|mode| mode.word() == word.word).ok_or_else(|| {
            let expected = "`read-only` or `read-write`".to_owned();
            self.text.reject(word.at, format!("`{}`", word.word), expected)
        })
    }

    fn edge(&mut self) -> Result<(NodeId, Edge), Rejection> {
        let word = self.next()?;
        let Some((parent, edge)) = word.word.rsplit_once('.') else {
            let found = format!("`{}`", word.word);
            return Err(self.text.reject(
                word.at,
                found,
                "a node and its edge: `disk.file`".to_owned(),
            ));
        };
        let node = word.part(0, parent);
        let node = self.names.find(self.text, "node", |names| &names.nodes, &node)?;
        let edge_at = word.place(parent.len() + 1);
        Ok((NodeId(node), super::parts::edge(self.text, edge, edge_at)?))
    }

    fn edge_and_node(&mut self, make: fn(NodeId, Edge, NodeId) -> Step) -> Result<Step, Rejection> {
        let (parent, edge) = self.edge()?;
        Ok(make(parent, edge, self.node()?))
    }

    fn nodes_with_modes(&mut self) -> Result<Step, Rejection> {
        let mut nodes = vec![(self.node()?, self.mode()?)];
        while let Some((at, word)) = self.words.next() {
            if word != "," {
                let found = format!("`{word}`");
                let expected = "a comma, or the end of the step".to_owned();
                return Err(self.text.reject(self.step.place(at), found, expected));
            }
            nodes.push((self.node()?, self.mode()?));
        }
        Ok(Step::Reopen(nodes))
    }
}
