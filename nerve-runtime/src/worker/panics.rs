//! Panics of user code become errors that name file and line.

use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

thread_local! {
    static LAST: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Keeps the place of each panic beside the usual message on stderr.
pub(super) fn remember_places() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let place = info.location().map(|place| format!(" at {}:{}:{}", place.file(), place.line(), place.column()));
        let text = info.payload_as_str().unwrap_or("no message");
        LAST.with_borrow_mut(|last| *last = Some(format!("panicked{}: {text}", place.unwrap_or_default())));
        usual(info);
    }));
}

/// Runs user code; a panic is an error that says where.
pub(crate) fn catch<T>(user: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(user)).map_err(|payload| {
        let said = payload.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| payload.downcast_ref::<String>().cloned());
        let plain = || format!("panicked: {}", said.unwrap_or_else(|| "no message".to_owned()));
        LAST.with_borrow_mut(Option::take).unwrap_or_else(plain)
    })
}

/// [`catch`] for a future.
pub(crate) async fn catching<F: Future>(user: F) -> Result<F::Output, String> {
    struct Catching<F>(Pin<Box<F>>);
    impl<F: Future> Future for Catching<F> {
        type Output = Result<F::Output, String>;
        fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
            match catch(|| self.0.as_mut().poll(cx)) {
                Ok(Poll::Pending) => Poll::Pending,
                Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
                Err(error) => Poll::Ready(Err(error)),
            }
        }
    }
    Catching(Box::pin(user)).await
}
