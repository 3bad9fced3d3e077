//! Mutual exclusion of coroutines: who waits sleeps as a coroutine, and the thread goes on. Counterpart: `CoMutex`.
//!
//! Not fair: whoever comes first after it was given back has it.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::{SleeperQueue, Ticket};
use crate::sync::{Mutex, Named, lock};

#[derive(Default)]
struct State {
    held: bool,
    sleepers: SleeperQueue,
}

/// A mutex of coroutines. It protects no value of its own: what may be done by one at a time.
pub(crate) struct CoroutineMutex(Mutex<State>);

/// The hold. Dropping it gives it back.
#[must_use = "it is held as long as this lives"]
pub(crate) struct CoroutineMutexGuard<'a>(&'a CoroutineMutex);

struct Taking<'a> {
    mutex: &'a CoroutineMutex,
    ticket: Option<Ticket>,
}

impl CoroutineMutex {
    pub(crate) fn new(name: &'static str) -> Self {
        CoroutineMutex(Mutex::new(State::default()).named(&name))
    }

    /// Takes it; sleeps while somebody else has it.
    pub(crate) async fn acquire(&self) -> CoroutineMutexGuard<'_> {
        Taking { mutex: self, ticket: None }.await
    }
}

impl<'a> Future for Taking<'a> {
    type Output = CoroutineMutexGuard<'a>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = lock(&self.mutex.0);
        if !state.held {
            state.held = true;
            if let Some(ticket) = self.ticket.take() {
                state.sleepers.remove(&ticket);
            }
            return Poll::Ready(CoroutineMutexGuard(self.mutex));
        }
        let waits = self.ticket.as_ref();
        if !waits.is_some_and(|ticket| state.sleepers.update(ticket, context.waker())) {
            self.ticket = Some(state.sleepers.push(context.waker().clone()));
        }
        Poll::Pending
    }
}

impl Drop for Taking<'_> {
    fn drop(&mut self) {
        if let Some(ticket) = &self.ticket {
            lock(&self.mutex.0).sleepers.remove(ticket);
        }
    }
}

impl Drop for CoroutineMutexGuard<'_> {
    fn drop(&mut self) {
        let mut state = lock(&self.0.0);
        state.held = false;
        let sleepers = state.sleepers.take_all();
        drop(state);
        sleepers.into_iter().for_each(Waker::wake);
    }
}
