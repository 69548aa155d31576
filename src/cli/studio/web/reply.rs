//! What a browser is answered, with the headers that every answer has.

use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

/// Nothing inline, nothing from elsewhere, in no frame, and no script that makes HTML of text.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; font-src 'none'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// Of what is shown as it is in the database.
const POLICY_OF_CONTENTS: &str = "sandbox; default-src 'none'; frame-ancestors 'none'";

/// On every answer, whatever it is.
const ALWAYS: [(&str, &str); 8] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    // `no-referrer` would make the Origin of every form `null`.
    ("referrer-policy", "same-origin"),
    ("cache-control", "no-store"),
    (
        "permissions-policy",
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
];

/// What comes as it happens: asked for what is newer than this many, it gives that, and whether more
/// will come.
pub(crate) type Events = Arc<dyn Fn(usize) -> (Vec<String>, bool) + Send + Sync>;

/// An answer.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

/// What is in it.
pub(crate) enum Body {
    Whole(Vec<u8>),
    /// Server-Sent Events.
    Events(Events),
}

impl Reply {
    pub(crate) fn new(status: StatusCode, kind: &'static str, body: Vec<u8>) -> Reply {
        let mut reply = Reply {
            status,
            headers: HeaderMap::new(),
            body: Body::Whole(body),
        };
        for (name, value) in ALWAYS {
            reply = reply.with(name, value);
        }
        reply.with("content-type", kind)
    }

    pub(crate) fn html(status: StatusCode, page: maud::Markup) -> Reply {
        let kind = "text/html; charset=utf-8";
        Reply::new(status, kind, page.into_string().into_bytes())
    }

    pub(crate) fn json(value: &serde_json::Value) -> Reply {
        Reply::new(
            StatusCode::OK,
            "application/json",
            value.to_string().into_bytes(),
        )
    }

    /// To another page of ours, after a form.
    pub(crate) fn see(address: &str) -> Reply {
        Reply::new(StatusCode::SEE_OTHER, "text/plain", Vec::new()).with("location", address)
    }

    /// What does not change as long as its address does not.
    pub(crate) fn asset(kind: &'static str, body: &[u8]) -> Reply {
        Reply::new(StatusCode::OK, kind, body.to_vec())
            .with("cache-control", "private, max-age=31536000, immutable")
    }

    /// Bytes of the database: in a sandbox, even where somebody opens them alone.
    pub(crate) fn contents(kind: &'static str, body: Vec<u8>) -> Reply {
        Reply::new(StatusCode::OK, kind, body).with("content-security-policy", POLICY_OF_CONTENTS)
    }

    pub(crate) fn events(events: Events) -> Reply {
        Reply {
            body: Body::Events(events),
            ..Reply::new(StatusCode::OK, "text/event-stream", Vec::new())
        }
    }

    /// With a header. One that no header can hold is left out.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Reply {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
            self.headers.insert(name, value);
        }
        self
    }
}
