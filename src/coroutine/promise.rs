//! One value, from whoever makes it to the coroutine that awaits it.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::sync::{Arc, Mutex, Named, lock};

struct State<T> {
    value: Option<T>,
    waker: Option<Waker>,
}

/// The side that makes the value.
pub(crate) struct Promise<T>(Arc<Mutex<State<T>>>);

/// The value that somebody else makes. Dropping it leaves the work alone; its value is dropped.
#[must_use = "it does nothing unless it is awaited"]
pub struct Outcome<T>(Arc<Mutex<State<T>>>);

/// Both sides of a value.
pub(crate) fn promise<T>() -> (Promise<T>, Outcome<T>) {
    let state = Arc::new(Mutex::new(State { value: None, waker: None }).named(&"promise"));
    (Promise(Arc::clone(&state)), Outcome(state))
}

impl<T> Promise<T> {
    /// Here it is. Any thread.
    pub(crate) fn keep(self, value: T) {
        let mut state = lock(&self.0);
        state.value = Some(value);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Future for Outcome<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let mut state = lock(&self.0);
        match state.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                state.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl<T> fmt::Debug for Outcome<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Outcome")
    }
}
