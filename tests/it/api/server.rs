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
