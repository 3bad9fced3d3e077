//! The future of a request.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::IoError;

type Result<T> = std::result::Result<T, IoError>;

enum State<'a, T> {
    /// Taken out when it is polled.
    Ready(Option<Result<T>>),
    Boxed(Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>),
}

/// A request in progress. It borrows the driver, the hold it goes under and the caller's buffer. One that was answered at
/// once needs no memory of its own.
#[must_use = "it does nothing unless it is awaited"]
pub struct IoFuture<'a, T>(State<'a, T>);

impl<'a, T> IoFuture<'a, T> {
    /// A request that has been answered.
    pub fn ready(result: Result<T>) -> Self {
        IoFuture(State::Ready(Some(result)))
    }

    /// A request that goes on in `future`.
    pub fn new(future: impl Future<Output = Result<T>> + Send + 'a) -> Self {
        IoFuture(State::Boxed(Box::pin(future)))
    }
}

impl<T: Unpin> Future for IoFuture<'_, T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            State::Ready(result) => {
                Poll::Ready(result.take().expect("a request is not polled after its end"))
            }
            State::Boxed(future) => future.as_mut().poll(context),
        }
    }
}

impl<T> fmt::Debug for IoFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.0 {
            State::Ready(_) => "ready",
            State::Boxed(_) => "boxed",
        };
        f.debug_tuple("IoFuture").field(&state).finish()
    }
}
