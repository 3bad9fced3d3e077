//! What a step names, whatever step it is: for those who count, renumber or take away.

use crate::program::{BottomHalfId, CommandId, EventId, ImageId, LoopId, NodeId};
use crate::step::Step;

/// Something that a step names.
pub(super) enum Named<'a> {
    Image(&'a mut ImageId),
    Node(&'a mut NodeId),
    Loop(&'a mut LoopId),
    BottomHalf(&'a mut BottomHalfId),
    Command(&'a mut CommandId),
    Event(&'a mut EventId),
}

/// Shows all that `step` names.
pub(super) fn visit(step: &mut Step, mut show: impl FnMut(Named<'_>)) {
    match step {
        Step::Attach(one, _, other)
        | Step::Replace(one, _, other)
        | Step::Append(one, _, other)
        | Step::ReplaceNode(one, other) => {
            show(Named::Node(one));
            show(Named::Node(other));
        }
        Step::Detach(one, _)
        | Step::ScheduleUnref(one)
        | Step::DeferRequest(one)
        | Step::Ref(one)
        | Step::Unref(one)
        | Step::Drop(one)
        | Step::Open(one)
        | Step::DrainBegin(one)
        | Step::DrainEnd(one)
        | Step::Commit(one)
        | Step::Read(one)
        | Step::Write(one)
        | Step::Flush(one)
        | Step::CancelWrite(one)
        | Step::Look(one)
        | Step::Drained(one)
        | Step::Job(one) => show(Named::Node(one)),
        Step::Reopen(nodes) => nodes.iter_mut().for_each(|(node, _)| show(Named::Node(node))),
        Step::Stop(one) | Step::Move(one) => show(Named::Loop(one)),
        Step::After(one) | Step::Post(one) => show(Named::Command(one)),
        Step::OpenElsewhere(image, _) | Step::CloseElsewhere(image) | Step::Inspect(image) => {
            show(Named::Image(image));
        }
        Step::Schedule(one) | Step::Cancel(one) | Step::Delete(one) => {
            show(Named::BottomHalf(one));
        }
        Step::Signal(event) | Step::Wait(event) => show(Named::Event(event)),
        Step::WriteLock { .. }
        | Step::Unlock
        | Step::DrainAllBegin
        | Step::DrainAllEnd
        | Step::Poll
        | Step::ReadLock
        | Step::CancelReadLock
        | Step::Share
        | Step::ReadUnlock
        | Step::Yield
        | Step::Pause
        | Step::EndDrained
        | Step::PausePoint
        | Step::EndJob => {}
    }
}
