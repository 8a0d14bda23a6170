//! A server that runs while a test does, and the plainest client of it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::{Desk, json};

/// A running server.
pub struct Client {
    child: Child,
    pub place: String,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    /// In lower case.
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        json(&self.text())
    }

    /// A header's value, if it was sent.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The answer of a request that must have been granted.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{}\n{}", self.head, self.text());
        self
    }

    /// The last part of the type of a problem that must have been told, with its status.
    #[track_caller]
    pub fn problem(&self) -> (u16, String) {
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.head);
        let problem = self.json();
        let members: Vec<&String> = problem.as_object().unwrap().keys().collect();
        assert_eq!(members, ["type", "title", "status", "detail", "instance"]);
        assert_eq!(problem["status"], self.status);
        let request = self.header("x-request-id").unwrap();
        assert_eq!(problem["instance"], format!("urn:tantieme:request:{request}"));
        let kind = problem["type"].as_str().unwrap().strip_prefix("urn:tantieme:problem:").unwrap();
        (self.status, kind.to_owned())
    }

    /// Everything about it but what tells one request from another.
    pub fn without_request(&self) -> (u16, Vec<String>, String) {
        let own = ["x-request-id", "date", "content-length"];
        let told = |line: &&str| !own.iter().any(|name| line.starts_with(name));
        let head = self.head.lines().filter(told).map(str::to_owned).collect();
        let request = self.header("x-request-id").unwrap_or_default().to_owned();
        (self.status, head, self.text().replace(&request, ""))
    }
}

impl Client {
    /// Starts the server on a free port.
    pub fn serve(desk: &Desk) -> Self {
        Self::start(desk, desk.command(&["serve", "--listen", "127.0.0.1:0"]))
    }

    /// The same of a process that a shell's `ulimit` has limited.
    pub fn serve_limited(desk: &Desk, limit: &str) -> Self {
        let program = desk.command(&["serve", "--listen", "127.0.0.1:0"]);
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("ulimit {limit} && exec \"$0\" \"$@\"")]);
        shell.arg(program.get_program()).args(program.get_args()).current_dir(desk.dir());
        for (name, value) in program.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        Self::start(desk, shell)
    }

    fn start(desk: &Desk, mut command: Command) -> Self {
        let log = std::fs::File::create(desk.dir().join("serve.log")).unwrap();
        command.stdout(Stdio::piped()).stderr(log);
        let mut child = command.spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        let place = said.trim_end().strip_prefix("listening on http://");
        let place = place.unwrap_or_else(|| panic!("{said:?}")).to_owned();
        Self { child, place }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(&self.place).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        stream
    }

    /// Sends a request with these header lines on a connection of its own.
    pub fn ask(&self, method: &str, path: &str, headers: &[&str]) -> Answer {
        let mut stream = self.connect();
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n");
        for header in headers {
            request += &format!("{header}\r\n");
        }
        stream.write_all((request + "\r\n").as_bytes()).unwrap();
        read(stream)
    }

    /// Reads a resource with a key.
    pub fn get(&self, key: &str, path: &str) -> Answer {
        self.ask("GET", path, &[&format!("Authorization: Bearer {key}")])
    }

    /// Tells the server to stop, in that way.
    pub fn signal(&self, signal: &str) {
        let pid = self.pid().to_string();
        let status = Command::new("kill").args([signal, &pid]).status().unwrap();
        assert!(status.success());
    }

    /// Waits until the server has stopped by itself; returns how, and what it said after listening.
    pub fn stopped(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        self.child.stdout.as_mut().unwrap().read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads an answer to the end of its connection.
pub fn read(mut stream: TcpStream) -> Answer {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    parse(bytes)
}

/// Takes a whole answer apart.
pub fn parse(mut bytes: Vec<u8>) -> Answer {
    let head = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head");
    let body = bytes.split_off(head + 4);
    let text = String::from_utf8(bytes).unwrap();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    let mut answer = Answer { status, head: text.trim_end().to_lowercase(), body };
    if answer.header("transfer-encoding") == Some("chunked") && !answer.body.is_empty() {
        answer.body = unchunked(&answer.body);
    }
    answer
}

/// Takes chunks apart; one that is missing fails the test.
fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    loop {
        let line = bytes.windows(2).position(|two| two == b"\r\n").expect("a whole chunk");
        let length = std::str::from_utf8(&bytes[..line]).unwrap();
        let length = usize::from_str_radix(length, 16).unwrap();
        bytes = &bytes[line + 2..];
        if length == 0 {
            return body;
        }
        body.extend_from_slice(&bytes[..length]);
        bytes = &bytes[length + 2..];
    }
}
