//! Who may ask: one layer around every route.
//!
//! The loop-back address is shared by all users and programs of a machine, and by every page that
//! a browser shows. A page elsewhere can send requests here (and, by a DNS name that it points
//! here, believe to be us); a cookie is sent to every port of the host.

use hyper::{Method, StatusCode};

use crate::studio::web::keys::Keys;
use crate::studio::web::reply::Reply;
use crate::studio::web::request::Request;

/// Answers what may not go further, and who wants to enter.
pub(crate) fn stop(request: &Request, keys: &Keys, port: u16) -> Option<Reply> {
    let names = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    let host = request.header("host");
    let Some(host) = host.filter(|host| names.iter().any(|name| name == host)) else {
        return Some(refuse(
            StatusCode::MISDIRECTED_REQUEST,
            "This is another server.",
        ));
    };
    if request.names_a_server {
        return Some(refuse(
            StatusCode::MISDIRECTED_REQUEST,
            "This is not a proxy.",
        ));
    }
    if request.has("service-worker") {
        return Some(refuse(
            StatusCode::FORBIDDEN,
            "There is no service worker here.",
        ));
    }
    if ![Method::GET, Method::HEAD, Method::POST].contains(&request.method) {
        let reply = refuse(StatusCode::METHOD_NOT_ALLOWED, "Only GET and POST.");
        return Some(reply.with("allow", "GET, HEAD, POST"));
    }
    if request.parts() == ["enter"] {
        return Some(enter(request, keys));
    }
    let cookie = request.header("cookie");
    if !cookie.is_some_and(|cookie| keys.is_in(cookie)) {
        return Some(not_entered());
    }
    // What another site asks for, where the browser tells.
    let from = request.header("sec-fetch-site");
    if request.has("sec-fetch-site") && !matches!(from, Some("same-origin" | "none")) {
        return Some(refuse(StatusCode::FORBIDDEN, "Asked by another site."));
    }
    if request.method != Method::POST {
        return None;
    }
    let origin = request.header("origin");
    if origin != Some(format!("http://{host}").as_str()) {
        return Some(refuse(StatusCode::FORBIDDEN, "Sent by another site."));
    }
    let token = request.form.get("token");
    if !token.is_some_and(|token| keys.is_form(token)) {
        return Some(refuse(
            StatusCode::FORBIDDEN,
            "The form is not of this start of the studio. Reload the page and send it again.",
        ));
    }
    None
}

/// The key of the address for the cookie.
fn enter(request: &Request, keys: &Keys) -> Reply {
    // What is fetched before somebody asked for it must not use up the key.
    let ahead = ["sec-purpose", "purpose"].iter().any(|name| {
        let value = request.headers.get(*name);
        value.is_some_and(|value| String::from_utf8_lossy(value.as_bytes()).contains("prefetch"))
    });
    let key = request.query.get("k").filter(|_| !ahead);
    if request.method != Method::GET || !key.is_some_and(|key| keys.admits(key)) {
        return not_entered();
    }
    Reply::see("/")
        .with("set-cookie", &keys.set_cookie())
        .with("referrer-policy", "no-referrer")
        // A worker that another program left on this port would answer in our place. Never
        // "cookies", which are those of other ports too.
        .with("clear-site-data", "\"cache\", \"storage\"")
}

/// The same for a page that does not exist: who is not in learns nothing.
fn not_entered() -> Reply {
    refuse(
        StatusCode::FORBIDDEN,
        "Open the address that heirloom studio printed in the terminal.",
    )
}

fn refuse(status: StatusCode, text: &str) -> Reply {
    Reply::new(
        status,
        "text/plain; charset=utf-8",
        format!("{text}\n").into_bytes(),
    )
}
