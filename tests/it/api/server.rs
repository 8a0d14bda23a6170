//! Starting and stopping.

use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use super::client::{Client, read};
use super::{demo, key};
use crate::support::{Database, Desk};

#[test]
fn a_taken_port_is_named_and_nothing_is_served() {
    let desk = &Desk::new(Database::Sqlite).unwrap();
    let api = Client::serve(desk);
    let said = desk.run(&["serve", "--listen", &api.place]).refused();
    assert!(said.starts_with(&format!("error: {} is taken", api.place)), "{said}");
    assert_eq!(desk.run(&["serve", "--listen", "8080"]).code, Some(2));
    let elsewhere = desk.run(&["serve", "--listen", "192.0.2.1:8080"]).refused();
    assert!(elsewhere.starts_with("error: cannot listen on 192.0.2.1:8080"), "{elsewhere}");
}

#[test]
fn told_to_stop_it_ends_what_runs_and_takes_nothing_new() {
    for signal in ["-TERM", "-INT"] {
        let desk = &Desk::new(Database::Sqlite).unwrap();
        let api = demo(desk);
        let key = key(desk, &["--all"]);
        let export = desk.run(&["statements", "2026-10"]).ok();
        // A request that has not been sent whole is running; so is an idle connection, which ends.
        let mut running = api.connect();
        running.write_all(b"GET /v1/periods/2026-10/lines.csv HTTP/1.1\r\nHost: t\r\n").unwrap();
        let mut idle = api.connect();
        idle.write_all(b"GET /health/live HTTP/1.1\r\nHost: t\r\n\r\n").unwrap();
        let mut some = [0; 12];
        idle.read_exact(&mut some).unwrap();
        std::thread::sleep(Duration::from_millis(200));
        api.signal(signal);
        let began = Instant::now();
        while std::net::TcpStream::connect(&api.place).is_ok() {
            assert!(began.elapsed() < Duration::from_secs(5), "it still takes connections");
            std::thread::sleep(Duration::from_millis(20));
        }
        running.write_all(format!("Authorization: Bearer {key}\r\n\r\n").as_bytes()).unwrap();
        let answer = read(running).ok();
        assert_eq!(answer.text(), export);
        assert_eq!(answer.header("connection"), Some("close"));
        assert_eq!(api.stopped(), (Some(0), "stopped\n".to_owned()), "{signal}");
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn connections_are_kept_for_the_next_request() {
    let desk = &Desk::new(Database::Sqlite).unwrap();
    let api = Client::serve(desk);
    let mut stream = api.connect();
    for _ in 0..3 {
        stream.write_all(b"GET /health/live HTTP/1.1\r\nHost: t\r\n\r\n").unwrap();
        let mut bytes = Vec::new();
        let mut byte = [0];
        while !bytes.ends_with(b"{\"status\":\"live\"}") {
            stream.read_exact(&mut byte).unwrap();
            bytes.push(byte[0]);
        }
        assert!(bytes.starts_with(b"HTTP/1.1 200"));
    }
}

#[test]
#[cfg(unix)]
fn strangers_that_say_nothing_leave_files_for_those_who_ask() {
    let desk = &Desk::new(Database::Sqlite).unwrap();
    desk.import_demo();
    desk.publish("2026-10");
    let key = key(desk, &["--all"]);
    let api = Client::serve_limited(desk, "-n 128");
    let mut asks = api.connect();
    let strangers: Vec<_> = (0..200).map(|_| api.connect()).collect();
    std::thread::sleep(Duration::from_millis(500));
    let request = format!(
        "GET /v1/periods/2026-10/statements/lumen/CNY/lines HTTP/1.1\r\nHost: t\r\n\
         Connection: close\r\nAuthorization: Bearer {key}\r\n\r\n"
    );
    asks.write_all(request.as_bytes()).unwrap();
    read(asks).ok();
    drop(strangers);
    let log = std::fs::read_to_string(desk.dir().join("serve.log")).unwrap();
    assert!(!log.contains("cannot accept"), "{log}");
}

#[test]
#[cfg(target_os = "linux")]
fn a_process_raises_its_limit_of_files_itself() {
    let desk = &Desk::new(Database::Sqlite).unwrap();
    let api = Client::serve_limited(desk, "-Sn 128");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", api.pid())).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let words: Vec<&str> = files.split_whitespace().collect();
    assert_eq!(words[3], words[4], "{files}");
}
