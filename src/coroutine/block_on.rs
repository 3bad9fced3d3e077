//! Waiting for a future on a thread that has no loop.

use std::pin::pin;
use std::task::{Context, Poll, Wake, Waker};

use crate::sync::{Arc, Condvar, Mutex, Named, PoisonError, lock};

/// Parks one thread. A token that comes early is kept.
struct Parker {
    woken: Mutex<bool>,
    changed: Condvar,
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        *lock(&self.woken) = true;
        self.changed.notify_one();
    }
}

/// Polls `future` on the calling thread and sleeps in between.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let parker = Arc::new(Parker {
        woken: Mutex::new(false).named(&"parker"),
        changed: Condvar::new().named(&"parker"),
    });
    let waker = Waker::from(Arc::clone(&parker));
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        let mut woken = lock(&parker.woken);
        while !std::mem::take(&mut *woken) {
            woken = parker.changed.wait(woken).unwrap_or_else(PoisonError::into_inner);
        }
    }
}
