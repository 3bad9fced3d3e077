//! Thread-local values: one for each task, dropped when the task ends.

use std::rc::Rc;
use std::thread::LocalKey as StdLocalKey;

use crate::execution::{is_inside, with};

/// The key of a thread-local value, made by [`thread_local!`](crate::thread_local).
pub struct LocalKey<T: 'static> {
    init: fn() -> T,
    /// The value of a thread that is not in an execution.
    outside: &'static StdLocalKey<Rc<T>>,
}

impl<T: 'static> LocalKey<T> {
    /// For the macro.
    #[doc(hidden)]
    pub const fn new(init: fn() -> T, outside: &'static StdLocalKey<Rc<T>>) -> Self {
        LocalKey { init, outside }
    }

    /// Calls `f` with the running task's value, made when it is first used.
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        let key = std::ptr::from_ref(self).addr();
        let found = with(|execution| execution.tasks[execution.current].local(key));
        let value: Rc<T> = match found {
            Some(Some(value)) => {
                value.downcast().expect("[harness internal bug] a local of another type")
            }
            Some(None) => {
                let value = Rc::new((self.init)());
                let kept = Rc::clone(&value);
                with(|execution| execution.tasks[execution.current].locals.push((key, kept)));
                value
            }
            // A destructor in an execution that is given up: the values are gone.
            None if is_inside() => Rc::new((self.init)()),
            None => self.outside.with(Rc::clone),
        };
        f(&value)
    }
}

impl<T> std::fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LocalKey { .. }")
    }
}

/// Declares thread-local values, in the shape of std's macro.
#[macro_export]
macro_rules! thread_local {
    ($($(#[$attribute:meta])* $visibility:vis static $name:ident: $type:ty = $init:expr);* $(;)?) => {$(
        $(#[$attribute])*
        $visibility static $name: $crate::sync::LocalKey<$type> = {
            fn init() -> $type {
                $init
            }
            std::thread_local! {
                static OUTSIDE: std::rc::Rc<$type> = std::rc::Rc::new(init());
            }
            $crate::sync::LocalKey::new(init, &OUTSIDE)
        };
    )*};
}
