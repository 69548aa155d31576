//! The listener: connections in, requests to a handler on a thread of its own, answers out.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc};

use crate::studio::web::reply::{Body, Events, Reply};
use crate::studio::web::request::Request;

/// The largest head and body of a request, in bytes.
const HEAD: usize = 16 << 10;
const BODY: usize = 1 << 20;
const HEADERS: usize = 64;
/// How many connections there may be, and how many of them are answered at once.
const CONNECTIONS: usize = 32;
const AT_ONCE: usize = 4;
/// How long somebody may take to send a head, and a body.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked whether there is something new, or an end.
const LOOK: Duration = Duration::from_millis(100);

/// What answers a request.
pub(crate) type Handler = Arc<dyn Fn(Request) -> Reply + Send + Sync>;

/// A port of the loop-back address: the one that is asked for, or one that is free.
pub(crate) fn listen(port: u16) -> std::io::Result<(std::net::TcpListener, u16)> {
    // An address and never a name, which may resolve to another.
    let listener = std::net::TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    Ok((listener, port))
}

/// Serves until the flag is set.
pub(crate) fn serve(
    listener: std::net::TcpListener,
    handler: &Handler,
    end: &AtomicBool,
) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime
        .block_on(async {
            let listener = TcpListener::from_std(listener)?;
            let connections = Arc::new(Semaphore::new(CONNECTIONS));
            let at_once = Arc::new(Semaphore::new(AT_ONCE));
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    () = until(end) => return Ok(()),
                };
                let Ok((stream, _)) = accepted else {
                    // No descriptor is left, or the caller went away.
                    tokio::time::sleep(LOOK).await;
                    continue;
                };
                let Ok(place) = Arc::clone(&connections).acquire_owned().await else {
                    return Ok(());
                };
                let (handler, at_once) = (Arc::clone(handler), Arc::clone(&at_once));
                tokio::spawn(async move {
                    let service = service_fn(move |request| {
                        answer(Arc::clone(&handler), Arc::clone(&at_once), request)
                    });
                    let served = http1::Builder::new()
                        .timer(TokioTimer::new())
                        .header_read_timeout(PATIENCE)
                        .max_buf_size(HEAD)
                        .max_headers(HEADERS)
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                    // Somebody who went away in the middle is nobody to tell.
                    drop((served, place));
                });
            }
        })
        .inspect(|()| {
            // What a browser still waits for is not worth waiting for.
            runtime.shutdown_timeout(LOOK);
        })
}

async fn until(flag: &AtomicBool) {
    while !flag.load(Ordering::Relaxed) {
        tokio::time::sleep(LOOK).await;
    }
}

type Sent = UnsyncBoxBody<Bytes, Infallible>;

async fn answer(
    handler: Handler,
    at_once: Arc<Semaphore>,
    request: hyper::Request<Incoming>,
) -> Result<Response<Sent>, Infallible> {
    let (head, body) = request.into_parts();
    let method = head.method.clone();
    let body = Limited::new(body, BODY).collect();
    let reply = match tokio::time::timeout(PATIENCE, body).await {
        Err(_) => failed(StatusCode::REQUEST_TIMEOUT, "The request did not end."),
        Ok(Err(_)) => failed(StatusCode::PAYLOAD_TOO_LARGE, "The request is too large."),
        Ok(Ok(body)) => {
            let body = body.to_bytes();
            let request = Request::new(head.method, &head.uri, head.headers, &body);
            let turn = at_once.acquire_owned().await;
            let work = move || {
                let reply = handler(request);
                drop(turn);
                reply
            };
            let done = tokio::task::spawn_blocking(work).await;
            done.unwrap_or_else(|_| {
                failed(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "The studio failed at this. Nothing was changed by it.",
                )
            })
        }
    };
    Ok(sent(reply, &method))
}

fn failed(status: StatusCode, text: &str) -> Reply {
    Reply::new(status, "text/plain; charset=utf-8", text.into())
}

fn sent(reply: Reply, method: &Method) -> Response<Sent> {
    let body = match reply.body {
        _ if method == Method::HEAD => Full::new(Bytes::new()).boxed_unsync(),
        Body::Whole(bytes) => Full::new(Bytes::from(bytes)).boxed_unsync(),
        Body::Events(events) => stream(events).boxed_unsync(),
    };
    let mut response = Response::new(body);
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}

/// Server-Sent Events as a body.
struct Stream(mpsc::Receiver<Bytes>);

fn stream(events: Events) -> Stream {
    let (to, from) = mpsc::channel(8);
    tokio::spawn(async move {
        let mut seen = 0;
        let mut quiet = 0_u32;
        loop {
            let (new, more) = events(seen);
            seen += new.len();
            let mut text: String = new.iter().map(|one| format!("data: {one}\n\n")).collect();
            if !more {
                text += "event: end\ndata: end\n\n";
            }
            quiet = if text.is_empty() { quiet + 1 } else { 0 };
            if quiet > 100 {
                // So that a browser that went away is noticed.
                text = ":\n\n".to_owned();
                quiet = 0;
            }
            if !text.is_empty() && to.send(Bytes::from(text)).await.is_err() || !more {
                return;
            }
            tokio::time::sleep(LOOK).await;
        }
    });
    Stream(from)
}

impl hyper::body::Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.0.poll_recv(context);
        next.map(|bytes| bytes.map(|bytes| Ok(Frame::data(bytes))))
    }
}
