//! heirloom for Node: one function that takes a request and answers with a promise.
//!
//! Requests and answers are JSON, in the words of heirloom's feature `serde`. `index.js` is what
//! people call; it makes classes and names of JavaScript out of this.

mod open_here;
mod request;
mod sql;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use napi::bindgen_prelude::{AsyncTask, Task};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{Env, Result, Status};
use napi_derive::napi;

use request::Request;

/// Called with each event as JSON, and with an empty text after the last one: the promise may be
/// settled before they have all arrived.
///
/// It keeps the process alive until then.
type Listener = ThreadsafeFunction<String, (), String, Status, false>;

/// What `AbortSignal` sets: a task of Node that runs already is not stopped by it.
#[napi]
#[derive(Default)]
pub struct Cancel(Arc<AtomicBool>);

#[napi]
impl Cancel {
    #[napi(constructor)]
    pub fn new() -> Cancel {
        Cancel::default()
    }

    #[napi]
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

pub struct Call {
    request: String,
    cancel: Arc<AtomicBool>,
    listener: Option<Arc<Listener>>,
}

impl Task for Call {
    type Output = String;
    type JsValue = String;

    fn compute(&mut self) -> Result<String> {
        let listener = self.listener.clone();
        let tell = move |event: String| {
            if let Some(listener) = &listener {
                listener.call(event, ThreadsafeFunctionCallMode::NonBlocking);
            }
        };
        let answer = Request::parse(&self.request)
            .and_then(|request| request.answer(self.cancel.clone(), tell.clone()));
        tell(String::new());
        Ok(match answer {
            Ok(value) => serde_json::json!({ "value": value }),
            Err(failure) => serde_json::json!({ "failure": failure }),
        }
        .to_string())
    }

    fn resolve(&mut self, _env: Env, output: String) -> Result<String> {
        Ok(output)
    }
}

/// Answers a request on a thread of libuv's pool.
#[napi(ts_return_type = "Promise<string>")]
pub fn call(request: String, cancel: &Cancel, listener: Option<Listener>) -> AsyncTask<Call> {
    AsyncTask::new(Call {
        request,
        cancel: cancel.0.clone(),
        listener: listener.map(Arc::new),
    })
}
