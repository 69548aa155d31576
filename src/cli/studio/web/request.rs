//! What a browser asks.

use hyper::{HeaderMap, Method, Uri};

/// A request that was read to its end.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    /// Whether it named a server beside the one in `Host`, as a proxy is asked.
    pub(crate) names_a_server: bool,
    /// The path, in parts, decoded.
    pub(crate) path: Vec<String>,
    pub(crate) query: Pairs,
    pub(crate) form: Pairs,
}

/// The pairs of a query or of a form, in their order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pairs(Vec<(String, String)>);

impl Pairs {
    pub(crate) fn of(text: &[u8]) -> Pairs {
        Pairs(form_urlencoded::parse(text).into_owned().collect())
    }

    /// The first value of a name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// Every value of a name.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        let named = self.0.iter().filter(move |(of, _)| of == name);
        named.map(|(_, value)| value.as_str())
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl Request {
    pub(crate) fn new(method: Method, uri: &Uri, headers: HeaderMap, body: &[u8]) -> Request {
        let path = uri.path().split('/').filter(|part| !part.is_empty());
        let is_form = headers
            .get("content-type")
            .and_then(|kind| kind.to_str().ok())
            .is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
        Request {
            method,
            names_a_server: uri.authority().is_some(),
            path: path.map(decoded).collect(),
            query: Pairs::of(uri.query().unwrap_or_default().as_bytes()),
            form: match is_form {
                true => Pairs::of(body),
                false => Pairs::default(),
            },
            headers,
        }
    }

    /// The one value of a header. None where it is absent, not text, or there twice.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.get_all(name).iter();
        let first = all.next()?.to_str().ok();
        first.filter(|_| all.next().is_none())
    }

    /// Whether a header is there at all.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.headers.contains_key(name)
    }

    /// The path as parts that can be matched.
    pub(crate) fn parts(&self) -> Vec<&str> {
        self.path.iter().map(String::as_str).collect()
    }
}

/// A part of a path without its percent signs.
fn decoded(part: &str) -> String {
    // A plus is a plus in a path.
    let part = part.replace('+', "%2B");
    let pair = form_urlencoded::parse(part.as_bytes()).next();
    // `=` and `&` would be taken for those of a form.
    match part.contains(['=', '&']) {
        true => part,
        false => pair.map(|(name, _)| name.into_owned()).unwrap_or_default(),
    }
}

/// An address with a query.
pub(crate) fn address<'p>(
    path: &str,
    pairs: impl IntoIterator<Item = (&'p str, &'p str)>,
) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        query.append_pair(name, value);
    }
    match query.finish() {
        empty if empty.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}
