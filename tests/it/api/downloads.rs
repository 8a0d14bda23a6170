//! Streams whose clients do not read.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::client::Client;
use super::{key, month};
use crate::support::{Database, Desk};

const STALLED: usize = 200;
const FEW: usize = 16;

/// Statements without a line, before all others: a month of many payees in the database, and only
/// there. Looked through once, they fill some twenty megabytes of each connection.
const MANY_STATEMENTS: &str = "\
    WITH RECURSIVE many (number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM many WHERE number < 150000) \
    INSERT INTO statement (statement, posting_id, period, payee, payee_name, currency, opening, total, line_count, first_row) \
    SELECT '2026-10/!' || number || '/CNY', 1, '2026-10', '!' || number, 'One of many', 'CNY', 0, 0, 0, 0 FROM many";

/// Asks for a month and takes as little of it as a connection can.
async fn stalled(place: String, key: String) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(place.parse().unwrap()).await.unwrap();
    let request = format!(
        "GET /v1/periods/2026-10/lines.csv HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\
         Authorization: Bearer {key}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.unwrap();
    assert_eq!(&first, b"HTTP/1.1 200");
    stream
}

/// The server's own memory in KiB.
fn resident(api: &Client) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", api.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

/// How many of the server's open files are of a close.
fn open_files(api: &Client) -> usize {
    let files = std::fs::read_dir(format!("/proc/{}/fd", api.pid())).unwrap();
    let names = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    names.filter(|name| name.extension().is_some_and(|ending| ending == "parquet")).count()
}

#[test]
#[cfg(target_os = "linux")]
fn clients_that_stop_reading_hold_no_memory_no_file_and_nobody_up() {
    let desk = &Desk::new(Database::Sqlite).unwrap();
    let recordings: Vec<String> = (0..20_000).map(|at| format!("many::{at}")).collect();
    let recordings: Vec<(&str, &str)> =
        recordings.iter().map(|id| (id.as_str(), "north")).collect();
    let royalty =
        "[[royalty]]\npayer = \"north\"\nparticipants = [ { party = \"mei\", rate = \"10\" } ]\n";
    month(desk, &["north", "mei"], &recordings, royalty);
    desk.publish("2026-10");
    // A published month takes none otherwise.
    desk.sql("DROP TRIGGER statement_open_period; DROP TRIGGER statement_posting").unwrap();
    desk.sql(MANY_STATEMENTS).unwrap();
    let export = desk.run(&["statements", "2026-10"]).ok();
    assert!(export.len() > 8 << 20, "{}", export.len());
    let api = Client::serve(desk);
    let key = key(desk, &["--all"]);
    let whole = || {
        let began = Instant::now();
        let text = api.get(&key, "/v1/periods/2026-10/lines.csv").ok().text();
        assert!(text == export, "the stream is not the export");
        began.elapsed()
    };
    whole();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let stall = |count: usize| {
        runtime.block_on(async {
            // All at once, so that as much of the server is at work as ever will be.
            let mut clients = JoinSet::new();
            for _ in 0..count {
                clients.spawn(stalled(api.place.clone(), key.clone()));
            }
            clients.join_all().await
        })
    };
    drop(stall(FEW));
    let before = resident(&api);
    let mut clients = stall(STALLED);
    // Others are served while they stall.
    let began = Instant::now();
    api.get(&key, "/v1/periods/2026-10/statements").ok();
    let page = api.get(&key, "/v1/periods/2026-10/statements/mei/CNY/lines").ok();
    assert_eq!(page.json()["data"].as_array().unwrap().len(), 100);
    let (small, large) = (began.elapsed(), whole());
    println!("while {STALLED} stall: two questions {small:?}, an export {large:?}");
    assert!(small < Duration::from_secs(10) && large < Duration::from_secs(30));

    // After a moment they hold neither a file nor more than a few chunks each.
    let began = Instant::now();
    while open_files(&api) > 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "{} files", open_files(&api));
        std::thread::sleep(Duration::from_millis(100));
    }
    let after = resident(&api);
    println!("resident: {before} KiB before, {after} KiB with {STALLED} stalled clients");
    // What one export holds in memory at once would come to gigabytes.
    assert!(after < before + (48 << 10), "{before} KiB before, {after} KiB after");
    assert!(after < 128 << 10, "{after} KiB");

    // One that reads on gets all the rest.
    let mut stream = clients.pop().unwrap();
    let text = runtime.block_on(async {
        let mut bytes = b"HTTP/1.1 200".to_vec();
        stream.read_to_end(&mut bytes).await.unwrap();
        bytes
    });
    let body = super::client::parse(text).body;
    assert!(body == export.as_bytes(), "the stream that was resumed is not the export");

    // Those that leave leave nothing for the next to add to.
    drop(clients);
    std::thread::sleep(Duration::from_secs(2));
    let clients = stall(STALLED);
    std::thread::sleep(Duration::from_secs(2));
    let again = resident(&api);
    println!("resident: {again} KiB with {} others", clients.len());
    assert!(again < after + (16 << 10), "{after} KiB, then {again} KiB");
}
