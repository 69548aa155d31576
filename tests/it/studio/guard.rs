//! Nobody else gets in: another site, another program, another user of the machine.

use crate::studio::client::Studio;
use crate::support::app::{App, contents};

/// Every address that is answered, and each with what it needs.
const PAGES: &[&str] = &[
    "/",
    "/doctor",
    "/data",
    "/data?t=notes",
    "/data?t=notes&count=exact",
    "/data/row?t=notes&key=i:1",
    "/data/value?t=notes&key=i:1&column=text",
    "/data/picture?t=notes&key=i:1&column=text",
    "/sql",
    "/schema",
    "/schema.svg",
    "/schema/table?t=notes",
    "/schema/drift",
    "/edit",
    "/edit/row?t=notes&key=i:1",
    "/edit/new?t=notes",
    "/edit/delete?t=notes&key=i:1",
    "/sql?q=SELECT+1",
    "/migrations",
    "/migrations/one?version=1",
    "/migrations/run",
    "/migrations/revert",
    "/migrations/generate",
    "/backups",
    "/backups/one?b=snapshots/s.db",
    "/backups/difference?b=snapshots/s.db",
    "/backups/restore?b=snapshots/s.db",
    "/log",
    "/jobs/1",
    "/jobs/1/events",
    "/palette",
    "/stamp",
    "/assets/x/main.js",
    "/no/such/page",
];

/// Every address that a form is sent to.
const FORMS: &[&str] = &[
    "/migrations/run",
    "/migrations/revert",
    "/migrations/rehearse",
    "/backups/snapshot",
    "/backups/restore",
    "/edit/row",
    "/edit/new",
    "/edit/delete",
    "/edit/discard",
    "/edit/apply",
    "/jobs/1/cancel",
    "/no/such/form",
];

/// On every answer, whatever it is.
const HEADERS: &[(&str, &str)] = &[
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
];

fn app() -> App {
    let app = App::new();
    app.file(
        "V1__notes.sql",
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);",
    )
    .file("V1__notes.down.sql", "DROP TABLE notes;");
    app.run().unwrap();
    app.sql("INSERT INTO notes (text) VALUES ('secret')");
    app.migrator()
        .database(app.database())
        .snapshot("s")
        .unwrap();
    app
}

#[test]
fn without_the_cookie_no_page_says_anything_and_all_answer_alike() {
    let app = app();
    let studio = Studio::start(&app, &["--write"]);
    let host = studio.host();
    let mut answers = Vec::new();
    for page in PAGES {
        for cookie in ["", "x=y", "heirloom=1"] {
            let headers = [("Host", &*host), ("Cookie", cookie)];
            let answer = studio.with(&format!("GET {page}"), &headers, "");
            assert_eq!(answer.status, 403, "{page}");
            answers.push(answer.body);
        }
    }
    for form in FORMS {
        let headers = [("Host", &*host), ("Origin", &studio.origin())];
        let answer = studio.with(&format!("POST {form}"), &headers, "token=x");
        assert_eq!(answer.status, 403, "{form}");
        answers.push(answer.body);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
    let said = String::from_utf8(answers.remove(0)).unwrap();
    assert!(
        !said.contains("app.db") && !said.contains("notes"),
        "{said}"
    );
}

#[test]
fn the_key_is_exchanged_for_a_cookie_and_a_wrong_or_prefetched_one_is_not() {
    let app = app();
    let studio = Studio::start(&app, &[]);
    let host = studio.host();
    let answer = studio.get(&studio.enter);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    let cookie = answer.header("set-cookie").unwrap();
    for part in ["HttpOnly", "SameSite=Strict", "Path=/"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Domain"), "{cookie}");
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    let key = studio.enter.split('=').next_back().unwrap();
    for path in [
        "/enter",
        "/enter?k=",
        "/enter?k=x",
        &format!("/enter?k={}", &key[1..]),
    ] {
        let answer = studio.get(path);
        assert_eq!(
            (answer.status, answer.header("set-cookie")),
            (403, None),
            "{path}"
        );
    }
    let ahead = [("Host", &*host), ("Sec-Purpose", "prefetch;prerender")];
    let answer = studio.with(&format!("GET {}", studio.enter), &ahead, "");
    assert_eq!((answer.status, answer.header("set-cookie")), (403, None));
    for method in ["HEAD", "POST"] {
        let answer = studio.with(
            &format!("{method} {}", studio.enter),
            &[("Host", &host)],
            "",
        );
        assert_eq!(
            (answer.status, answer.header("set-cookie")),
            (403, None),
            "{method}"
        );
    }
}

/// A site that lets its own name point to 127.0.0.1 asks for it by that name.
#[test]
fn a_request_for_another_host_is_refused_before_anything_else() {
    let app = app();
    let studio = Studio::entered(&app, &[]);
    let (port, host, cookie) = (studio.port, studio.host(), studio.cookie.clone());
    let wrong = [
        format!("evil.example:{port}"),
        "127.0.0.1".to_owned(),
        format!("127.0.0.1:{}", port - 1),
        format!("127.0.0.1.evil.example:{port}"),
        format!("127.0.0.1:{port}@evil.example"),
        format!("0.0.0.0:{port}"),
        String::new(),
    ];
    for path in ["/", "/assets/x/main.js", &*studio.enter] {
        for host in &wrong {
            let headers = [("Host", &**host), ("Cookie", &*cookie)];
            let answer = studio.with(&format!("GET {path}"), &headers, "");
            assert!(
                matches!(answer.status, 421 | 400),
                "{path} {host}: {}",
                answer.status
            );
            assert_eq!(answer.header("set-cookie"), None);
        }
        let twice = [("Host", &*host), ("Host", &*host), ("Cookie", &*cookie)];
        let answer = studio.with(&format!("GET {path}"), &twice, "");
        assert!(matches!(answer.status, 421 | 400), "{path}");
        let none = studio.with(&format!("GET {path}"), &[("Cookie", &*cookie)], "");
        assert!(matches!(none.status, 421 | 400), "{path}");
        let headers = [("Host", &*host), ("Cookie", &*cookie)];
        let line = format!("GET http://evil.example{path}");
        assert_eq!(studio.with(&line, &headers, "").status, 421);
    }
    let localhost = format!("localhost:{port}");
    let headers = [("Host", &*localhost), ("Cookie", &*cookie)];
    assert_eq!(studio.with("GET /", &headers, "").status, 200);
}

#[test]
fn a_form_of_another_site_or_without_its_token_changes_nothing() {
    let app = app();
    let studio = Studio::entered(&app, &["--write"]);
    let before = contents(&app.database());
    let token = studio.token();
    let body = format!("token={token}&b=snapshots%2Fs.db");
    let (host, origin) = (studio.host(), studio.origin());
    let foreign = format!("http://127.0.0.1:{}", studio.port - 1);
    for form in FORMS {
        for wrong in [
            "null",
            "http://evil.example",
            &*foreign,
            "",
            &format!("{origin}/"),
        ] {
            assert_eq!(
                studio.post_as(form, &body, wrong).status,
                403,
                "{form} {wrong}"
            );
        }
        for wrong in [
            "",
            "b=x",
            "token=",
            "token=x",
            &format!("token={}", &token[1..]),
        ] {
            assert_eq!(
                studio.post_as(form, wrong, &origin).status,
                403,
                "{form} {wrong}"
            );
        }
        let headers = [("Host", &*host), ("Cookie", &*studio.cookie)];
        let answer = studio.with(&format!("POST {form}"), &headers, &body);
        assert_eq!(answer.status, 403, "{form} without an Origin");
        let headers = [
            ("Host", &*host),
            ("Cookie", &*studio.cookie),
            ("Origin", &*origin),
            ("Sec-Fetch-Site", "same-site"),
        ];
        assert_eq!(
            studio.with(&format!("POST {form}"), &headers, &body).status,
            403
        );
    }
    assert_eq!(contents(&app.database()), before);
    assert!(
        app.migrator()
            .database(app.database())
            .log()
            .unwrap()
            .entries
            .len()
            == 2
    );
}

#[test]
fn without_write_no_form_changes_the_data() {
    let app = app();
    let studio = Studio::entered(&app, &[]);
    let before = contents(&app.database());
    for (form, more) in [
        ("/migrations/run", &[][..]),
        ("/migrations/revert", &[("allow", "yes")]),
        ("/backups/restore", &[("b", "snapshots/s.db")]),
        ("/edit/apply", &[]),
    ] {
        let answer = studio.post(form, more);
        assert_eq!(answer.status, 403, "{form}");
        assert!(answer.text().contains("heirloom studio --write"), "{form}");
    }
    assert_eq!(contents(&app.database()), before);
}

#[test]
fn a_page_is_asked_for_with_get_and_a_change_is_not() {
    let app = app();
    let studio = Studio::entered(&app, &["--write"]);
    let before = contents(&app.database());
    let headers = [("Host", &*studio.host()), ("Cookie", &*studio.cookie)];
    for method in ["OPTIONS", "PUT", "DELETE", "PATCH", "TRACE"] {
        let answer = studio.with(&format!("{method} /"), &headers, "");
        assert_eq!(answer.status, 405, "{method}");
    }
    // What a link can ask for is at most a plan.
    for form in FORMS {
        let answer = studio.get(form);
        assert!(matches!(answer.status, 200 | 404), "{form}");
        assert!(answer.header("location").is_none());
    }
    assert_eq!(contents(&app.database()), before);
}

#[test]
fn every_answer_has_the_headers_that_keep_others_out() {
    let app = app();
    let studio = Studio::entered(&app, &[]);
    let headers = [("Host", &*studio.host()), ("Cookie", &*studio.cookie)];
    let mut answers = vec![
        studio.with("PUT /", &headers, ""),
        studio.with("GET /", &[("Host", "evil.example")], ""),
        studio.get(&studio.enter),
        studio.post("/jobs/7/cancel", &[]),
        studio.with("GET /", &[("Host", &studio.host())], ""),
    ];
    answers.extend(PAGES.iter().map(|page| studio.get(page)));
    for answer in answers {
        for (name, value) in HEADERS {
            assert_eq!(
                answer.header(name),
                Some(*value),
                "{name} of {}",
                answer.status
            );
        }
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("default-src 'none'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert!(answer.header("cache-control").is_some());
        let permits = answer
            .headers
            .iter()
            .any(|(name, _)| name.starts_with("access-control"));
        assert!(!permits, "{:?}", answer.headers);
    }
    assert_eq!(studio.get("/").header("cache-control"), Some("no-store"));
}

#[test]
fn what_is_too_large_or_of_a_service_worker_is_refused() {
    let app = app();
    let studio = Studio::entered(&app, &["--write"]);
    let body = format!("token={}&name={}", studio.token(), "x".repeat(2 << 20));
    let answer = studio.post_as("/backups/snapshot", &body, &studio.origin());
    // Refused, or the connection is closed in the middle.
    assert!(matches!(answer.status, 413 | 0), "{}", answer.status);
    let long = format!("GET /sql?q={}", "x".repeat(40_000));
    let headers = [("Host", &*studio.host()), ("Cookie", &*studio.cookie)];
    assert!(matches!(
        studio.with(&long, &headers, "").status,
        431 | 414 | 400 | 0
    ));
    let worker = [headers[0], headers[1], ("Service-Worker", "script")];
    assert_eq!(
        studio.with("GET /assets/x/main.js", &worker, "").status,
        403
    );
    assert_eq!(studio.get("/").status, 200);
}

/// The socket is bound to the loop-back address: on any other of this machine nobody answers.
#[test]
fn only_the_loop_back_address_answers() {
    let app = app();
    let studio = Studio::start(&app, &[]);
    let outside = std::net::UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
        // Sends nothing: it only chooses the address.
        socket.connect("192.0.2.1:9")?;
        socket.local_addr()
    });
    if let Ok(outside) = outside.map(|address| address.ip()).as_ref()
        && !outside.is_loopback()
    {
        assert!(std::net::TcpStream::connect((*outside, studio.port)).is_err());
    }
    assert!(std::net::TcpStream::connect(("127.0.0.1", studio.port)).is_ok());
}

#[test]
fn a_port_that_is_taken_is_said_and_no_other_is_taken() {
    let app = app();
    let studio = Studio::start(&app, &[]);
    let port = studio.port.to_string();
    let (code, said) = crate::cli::contract::json(&app, &["studio", "--no-open", "--port", &port]);
    assert_eq!((code, &said["ok"]), (2, &false.into()), "{said}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it() {
    let app = app();
    let studio = Studio::entered(&app, &[]);
    assert_eq!(studio.get("/").status, 200);
    assert_eq!(studio.interrupt().code(), Some(0));
}
