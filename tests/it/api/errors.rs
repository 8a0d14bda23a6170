//! Whatever is refused is a problem document.

use std::io::Write as _;

use super::client::{Client, read};
use super::{demo, key};
use crate::support::{Database, Desk};

#[test]
fn whoever_refuses_answers_with_a_problem_document() {
    let desk = &Desk::new(Database::Sqlite).unwrap();
    let api = demo(desk);
    let key = key(desk, &["--all"]);
    let bearer = format!("Authorization: Bearer {key}");
    let all = bearer.as_str();
    let line = "/v1/periods/2026-10/statements/lumen/CNY/lines";
    let cases: &[(&str, &str, &[&str], u16, &str)] = &[
        ("GET", "/", &[], 404, "not-found"),
        ("GET", "/nothing", &[all], 404, "not-found"),
        ("GET", "/v1", &[all], 404, "not-found"),
        ("GET", "/v1/nothing", &[all], 404, "not-found"),
        ("GET", "/v1/nothing", &[], 401, "unauthorized"),
        ("GET", "/v1/periods/2026-10", &[all], 404, "not-found"),
        ("POST", "/v1/periods", &[all], 405, "method-not-allowed"),
        ("DELETE", "/health/live", &[], 405, "method-not-allowed"),
        ("GET", "/v1/periods/2026-13/statements", &[all], 400, "bad-request"),
        ("GET", "/v1/periods/%FF/statements", &[all], 400, "bad-request"),
        ("GET", "/v1/periods?limit=0", &[all], 400, "bad-request"),
        ("GET", "/v1/periods?limit=1001", &[all], 400, "bad-request"),
        ("GET", "/v1/periods?limit=ten", &[all], 400, "bad-request"),
        ("GET", "/v1/periods?page=2", &[all], 400, "bad-request"),
        ("GET", "/v1/periods?cursor=2", &[all], 400, "bad-cursor"),
        ("GET", &format!("{line}?cursor=00"), &[all], 400, "bad-cursor"),
        ("GET", "/v1/periods/2026-09/statements", &[all], 404, "not-found"),
        ("GET", "/v1/periods/2026-09/lines.csv", &[all], 404, "not-found"),
        ("GET", "/v1/periods/2026-10/lines.csv?payee=nobody", &[all], 404, "not-found"),
        ("GET", "/v1/periods/2026-10/statements/lumen/EUR", &[all], 404, "not-found"),
        ("GET", "/v1/periods", &[all, "Content-Length: 65537"], 413, "too-large"),
    ];
    for (method, path, headers, status, kind) in cases {
        let answer = api.ask(method, path, headers);
        assert_eq!(answer.problem(), (*status, (*kind).to_owned()), "{method} {path}");
        assert!(answer.json()["detail"].as_str().unwrap().len() > 10);
        assert_eq!(answer.header("allow").is_some(), *status == 405);
        assert_eq!(answer.header("www-authenticate").is_some(), *status == 401);
    }
    // Each of them has a request of its own, and so have answers that grant.
    let ids =
        [(); 2].map(|()| api.get(&key, "/v1/periods").header("x-request-id").unwrap().to_owned());
    assert_ne!(ids[0], ids[1]);
}

on_both! {
    fn what_cannot_be_an_id_or_a_currency_is_nobody_s(desk) {
        let api = demo(desk);
        let key = key(desk, &["--all"]);
        for path in ["PAYEE/CNY", "PAYEE/CNY/lines", "PAYEE/CNY/lines.csv", "lumen/PAYEE"] {
            for odd in ["%00", "a%00b", "a%7Cb", "cny"] {
                let path = format!("/v1/periods/2026-10/statements/{}", path.replace("PAYEE", odd));
                assert_eq!(api.get(&key, &path).problem(), (404, "not-found".to_owned()), "{path}");
            }
        }
        let stream = api.get(&key, "/v1/periods/2026-10/lines.csv?payee=a%00b");
        assert_eq!(stream.problem(), (404, "not-found".to_owned()));
        for filter in ["payee=a%00b", "currency=%00", "payee=lumen&currency=%00", "payee="] {
            let path = format!("/v1/periods/2026-10/statements?{filter}");
            assert_eq!(api.get(&key, &path).ok().json()["data"], serde_json::json!([]), "{path}");
        }
    }
}

#[test]
fn a_download_is_refused_where_nobody_could_tell_that_it_broke_off() {
    let desk = &Desk::new(Database::Sqlite).unwrap();
    let api = demo(desk);
    let key = key(desk, &["--all"]);
    let ask = |path: &str| {
        let mut stream = api.connect();
        let request = format!("GET {path} HTTP/1.0\r\nAuthorization: Bearer {key}\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        read(stream)
    };
    for path in ["lines.csv", "statements/lumen/CNY/lines.csv"] {
        let answer = ask(&format!("/v1/periods/2026-10/{path}"));
        assert_eq!(answer.problem(), (426, "upgrade-required".to_owned()));
        assert_eq!(answer.header("upgrade"), Some("http/1.1"));
    }
    // What says its length is whole or short over any version.
    let page = ask("/v1/periods/2026-10/statements/lumen/CNY/lines").ok();
    assert_eq!(page.header("content-length"), Some(page.body.len().to_string().as_str()));
}

#[test]
fn what_does_not_come_as_far_as_a_request_is_answered_without_a_body() {
    let desk = &Desk::new(Database::Sqlite).unwrap();
    let api = Client::serve(desk);
    let many = "X: y\r\n".repeat(101);
    let long = "x".repeat(40 << 10);
    for (request, status) in [
        ("what?\r\n\r\n".to_owned(), 400),
        (format!("GET /{long} HTTP/1.1\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\nX: {long}\r\n\r\n"), 431),
        (format!("GET / HTTP/1.1\r\n{many}\r\n"), 431),
    ] {
        let mut stream = api.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let answer = read(stream);
        assert_eq!((answer.status, answer.text().as_str()), (status, ""));
    }
}

#[test]
fn no_key_a_wrong_key_and_half_a_key_are_all_the_same_401() {
    let desk = &Desk::new(Database::Sqlite).unwrap();
    let api = demo(desk);
    let key = key(desk, &["--all"]);
    let unknown = format!("tnt_{}", "0".repeat(72));
    let wrong: &[&[&str]] = &[
        &[],
        &["Authorization: Bearer"],
        &["Authorization: Bearer "],
        &[&format!("Authorization: Bearer {unknown}")],
        &[&format!("Authorization: Bearer {}", &key[..75])],
        &[&format!("Authorization: Bearer {key}0")],
        &[&format!("Authorization: Basic {key}")],
        &[&format!("Authorization: {key}")],
        &[&format!("Authorization: Bearer {key}"), &format!("Authorization: Bearer {key}")],
    ];
    let first = api.ask("GET", "/v1/periods", wrong[0]).without_request();
    assert_eq!(first.0, 401);
    for headers in wrong {
        assert_eq!(api.ask("GET", "/v1/periods", headers).without_request(), first, "{headers:?}");
    }
    api.ask("GET", "/v1/periods", &[&format!("authorization: bearer {key}")]).ok();
}

#[test]
fn a_failure_tells_the_client_its_request_and_the_log_its_cause() {
    let desk = &Desk::new(Database::Sqlite).unwrap();
    let api = demo(desk);
    let key = key(desk, &["--all"]);
    let closes = desk.dir().join("data/closes");
    std::fs::rename(&closes, desk.dir().join("data/gone")).unwrap();
    for path in ["lines.csv", "statements/lumen/CNY/lines", "statements/lumen/CNY/lines.csv"] {
        let answer = api.get(&key, &format!("/v1/periods/2026-10/{path}"));
        assert_eq!(answer.problem(), (500, "internal".to_owned()));
        let (text, folder) = (answer.text(), desk.dir().to_str().unwrap());
        assert!(!text.contains(folder) && !text.contains("parquet"), "{text}");
        let log = std::fs::read_to_string(desk.dir().join("serve.log")).unwrap();
        let request = answer.header("x-request-id").unwrap();
        let noted = log
            .lines()
            .any(|l| l.contains(request) && l.contains("ERROR") && l.contains(".parquet"));
        assert!(noted, "{log}");
    }
    // The faces are in the database and stay readable.
    api.get(&key, "/v1/periods/2026-10/statements/lumen/CNY").ok();
}

#[test]
fn the_log_names_no_payee_and_no_key() {
    let desk = &Desk::new(Database::Sqlite).unwrap();
    let api = demo(desk);
    let key = key(desk, &["--payee", "lumen"]);
    api.get(&key, "/v1/periods/2026-10/statements/lumen/CNY").ok();
    api.get(&key, "/v1/periods/2026-10/lines.csv?payee=lumen").ok();
    api.get(&key, "/v1/periods/2026-10/statements/nobody/CNY");
    api.get("tnt_lumen", "/lumen");
    api.signal("-TERM");
    assert_eq!(api.stopped().0, Some(0));
    let log = std::fs::read_to_string(desk.dir().join("serve.log")).unwrap();
    assert!(log.lines().filter(|line| line.contains("answered")).count() == 4, "{log}");
    assert!(log.contains("/v1/periods/{period}/statements/{payee}/{currency}"), "{log}");
    assert!(!log.contains("lumen") && !log.contains("Lumen") && !log.contains("tnt_"), "{log}");
}
