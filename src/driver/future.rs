//! The future of a request.
//!
//! A read that was answered at once is the common case, and it comes back through every node of a chain. So the future
//! of a request without a result is two words, and hands itself on in registers.

use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::IoError;

type Result<T> = std::result::Result<T, IoError>;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// An error is boxed, too: it is not the common case.
enum State<'a, T> {
    Done(T),
    Boxed(Boxed<'a, T>),
}

/// What is left of a request that was answered. It has no size, so that a box of it is no memory.
struct Ended<T>(PhantomData<fn() -> T>);

/// A request in progress. It borrows the driver, the hold it goes under and the caller's buffer. One that was answered at
/// once needs no memory of its own.
#[must_use = "it does nothing unless it is awaited"]
pub struct IoFuture<'a, T>(State<'a, T>);

const _: () = assert!(size_of::<IoFuture<'_, ()>>() == 2 * size_of::<usize>());

impl<'a, T: Send + 'a> IoFuture<'a, T> {
    /// A request that has been answered.
    pub fn ready(result: Result<T>) -> Self {
        match result {
            Ok(value) => IoFuture(State::Done(value)),
            Err(error) => Self::failed(error),
        }
    }

    #[cold]
    fn failed(error: IoError) -> Self {
        IoFuture(State::Boxed(Box::pin(std::future::ready(Err(error)))))
    }

    /// A request that goes on in `future`.
    pub fn new(future: impl Future<Output = Result<T>> + Send + 'a) -> Self {
        IoFuture(State::Boxed(Box::pin(future)))
    }
}

impl<T> Future for Ended<T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<Result<T>> {
        panic!("a request is not polled after its end")
    }
}

impl<'a, T: Unpin + 'a> Future for IoFuture<'a, T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        if let State::Boxed(future) = &mut self.0 {
            return future.as_mut().poll(context);
        }
        match std::mem::replace(&mut self.0, State::Boxed(Box::pin(Ended(PhantomData)))) {
            State::Done(value) => Poll::Ready(Ok(value)),
            State::Boxed(mut future) => future.as_mut().poll(context),
        }
    }
}

impl<T> fmt::Debug for IoFuture<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &self.0 {
            State::Done(_) => "done",
            State::Boxed(_) => "boxed",
        };
        f.debug_tuple("IoFuture").field(&state).finish()
    }
}
