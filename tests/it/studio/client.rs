//! A studio at work, and requests to it byte by byte.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::cli::contract::command;
use crate::support::app::App;

/// A running studio, which ends with the test.
pub struct Studio {
    child: Child,
    pub port: u16,
    /// The path that lets somebody in.
    pub enter: String,
    /// `name=value`, once somebody is in.
    pub cookie: String,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    /// Names in small letters.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Answer {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
        let (head, body) = bytes.split_at(end.unwrap_or(bytes.len()));
        let head = String::from_utf8_lossy(head);
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1));
        let headers = lines.filter_map(|line| line.split_once(": "));
        Answer {
            status: status.and_then(|code| code.parse().ok()).unwrap_or(0),
            headers: headers
                .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
                .collect(),
            body: body.get(4..).unwrap_or_default().to_vec(),
        }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Studio {
    pub fn start(app: &App, options: &[&str]) -> Studio {
        let arguments = [&["studio", "--no-open", "--json"][..], options].concat();
        let mut child = command(app, &arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        out.read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
        let address = said["address"].as_str().unwrap();
        let (host, enter) = address["http://".len()..].split_at("127.0.0.1:".len());
        assert_eq!(host, "127.0.0.1:");
        let (port, enter) = enter.split_once('/').unwrap();
        Studio {
            child,
            port: port.parse().unwrap(),
            enter: format!("/{enter}"),
            cookie: String::new(),
        }
    }

    /// One that somebody has entered.
    pub fn entered(app: &App, options: &[&str]) -> Studio {
        let mut studio = Studio::start(app, options);
        let answer = studio.get(&studio.enter);
        let cookie = answer.header("set-cookie").unwrap();
        studio.cookie = cookie.split(';').next().unwrap().to_owned();
        studio
    }

    /// Sends bytes, and reads until the other side closes.
    pub fn raw(&self, request: &str) -> Answer {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes);
        Answer::parse(&bytes)
    }

    /// A request with these headers and no others.
    pub fn with(&self, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut request = format!("{line} HTTP/1.1\r\nConnection: close\r\n");
        for (name, value) in headers {
            request += &format!("{name}: {value}\r\n");
        }
        if !body.is_empty() {
            request += &format!(
                "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
                body.len()
            );
        }
        self.raw(&format!("{request}\r\n{body}"))
    }

    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn origin(&self) -> String {
        format!("http://{}", self.host())
    }

    pub fn get(&self, path: &str) -> Answer {
        let headers = [("Host", &*self.host()), ("Cookie", &*self.cookie)];
        self.with(&format!("GET {path}"), &headers, "")
    }

    /// The page at an address, which must be there. Where it takes longer, what it ends on.
    #[track_caller]
    pub fn page(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let page = answer.text();
        let Some((_, work)) = page.split_once("data-job=\"") else {
            return page;
        };
        let (job, rest) = work.split_once('"').unwrap();
        let (_, next) = rest.split_once("data-next=\"").unwrap();
        let next = next.split('"').next().unwrap().replace("&amp;", "&");
        self.get(&format!("/jobs/{job}/events"));
        self.get(&next).text()
    }

    /// The token in the forms of a page.
    pub fn token(&self) -> String {
        let page = self.page("/backups");
        let (_, rest) = page.split_once("name=\"token\" value=\"").unwrap();
        rest.split('"').next().unwrap().to_owned()
    }

    /// Sends a form as a browser does.
    pub fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        let token = self.token();
        let mut body = format!("token={token}");
        for (name, value) in form {
            body += &format!("&{name}={}", encoded(value));
        }
        self.post_as(path, &body, &self.origin())
    }

    pub fn post_as(&self, path: &str, body: &str, origin: &str) -> Answer {
        let host = self.host();
        let headers = [
            ("Host", &*host),
            ("Cookie", &*self.cookie),
            ("Origin", origin),
            ("Sec-Fetch-Site", "same-origin"),
        ];
        self.with(&format!("POST {path}"), &headers, body)
    }

    /// Sends a form, and waits for the page of what it began to show its end.
    #[track_caller]
    pub fn done(&self, path: &str, form: &[(&str, &str)]) -> String {
        let answer = self.post(path, form);
        assert_eq!(answer.status, 303, "{path}: {}", answer.text());
        let job = answer.header("location").unwrap().to_owned();
        // Ends with the work.
        self.get(&format!("{job}/events"));
        let page = self.page(&job);
        assert!(!page.contains("data-job="), "{page}");
        page
    }

    /// The end, as Ctrl-C brings it.
    #[cfg(unix)]
    pub fn interrupt(mut self) -> std::process::ExitStatus {
        let sent = std::process::Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        self.child.wait().unwrap()
    }
}

impl Drop for Studio {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A word as a part of a query.
pub fn encoded(word: &str) -> String {
    word.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
