//! Asks a server one thing after the other over many connections, and says how fast it answers.
//!
//! ```text
//! cargo run --release --example load -- --key "$KEY" --values payees.csv --connections 32 \
//!     'http://127.0.0.1:8080/v1/periods/2026-10/statements/{payee}/{currency}'
//! ```
//!
//! `{payee}` stands for the column of that name in a row of the file that is drawn anew for each
//! request. Several addresses take turns. `scripts/measure serve` runs this.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a tool that cannot go on says so")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Measures a server.
#[derive(Debug, Parser)]
struct Words {
    /// What to ask for: `http://HOST:PORT/PATH`, with `{COLUMN}` for values.
    #[arg(required = true)]
    urls: Vec<String>,
    /// A CSV file of values, with a header.
    #[arg(long)]
    values: Option<std::path::PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// The key, sent as a bearer.
    #[arg(long, default_value = "")]
    key: String,
    /// Connections that ask at once, each for one thing at a time.
    #[arg(long, default_value_t = 32)]
    connections: u64,
    /// How long.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
}

/// What one connection saw.
#[derive(Debug, Default)]
struct Seen {
    /// Microseconds from asking to the last byte, of answers with a status of 200.
    micros: Vec<u64>,
    other_statuses: u64,
    errors: u64,
    bytes: u64,
}

/// Numbers that look drawn at random, the same in each run.
struct Numbers(u64);

impl Numbers {
    /// The generator called `SplitMix64`.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }
}

/// An address, with what is to be drawn.
#[derive(Debug, Clone)]
struct Template {
    host: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone)]
enum Part {
    Text(String),
    /// The column's place in a row of values.
    Column(usize),
}

/// Values to ask with: a header and rows, percent-encoded.
#[derive(Debug, Default)]
struct Values {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Values {
    fn read(path: &std::path::Path) -> Self {
        let mut file = csv::Reader::from_path(path).expect("the values can be read");
        let columns = file.headers().unwrap().iter().map(str::to_owned).collect();
        let encoded = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
                .to_string()
        };
        let rows = file.records().map(|row| row.unwrap().iter().map(encoded).collect()).collect();
        Self { columns, rows }
    }
}

impl Template {
    fn parse(url: &str, values: &Values) -> Self {
        let rest = url.strip_prefix("http://").expect("an address begins with http://");
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let mut parts = Vec::new();
        let path = format!("/{path}");
        let mut path = path.as_str();
        while let Some((before, after)) = path.split_once('{') {
            let (name, after) = after.split_once('}').expect("{COLUMN} is closed");
            let column = values.columns.iter().position(|column| column == name);
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::Column(column.expect("{COLUMN} is a column of the values")));
            path = after;
        }
        parts.push(Part::Text(path.to_owned()));
        Self { host: host.to_owned(), parts }
    }

    fn request(&self, key: &str, values: &Values, numbers: &mut Numbers) -> Vec<u8> {
        let row = (!values.rows.is_empty()).then(|| &values.rows[numbers.below(values.rows.len())]);
        let mut path = String::new();
        for part in &self.parts {
            match (part, row) {
                (Part::Text(text), _) => path.push_str(text),
                (Part::Column(column), Some(row)) => path.push_str(&row[*column]),
                (Part::Column(_), None) => panic!("the file of values has no row"),
            }
        }
        let host = &self.host;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n\r\n");
        request.into_bytes()
    }
}

/// Reads one answer; returns its status and how many bytes it had. The rest of the buffer is what
/// has come after it: nothing, since there is one question at a time.
async fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> std::io::Result<(u16, u64)> {
    let bad = |what: &str| std::io::Error::other(what.to_owned());
    buffer.clear();
    let head = loop {
        if let Some(at) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break at + 4;
        }
        if stream.read_buf(buffer).await? == 0 {
            return Err(bad("closed"));
        }
    };
    let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
    let status =
        text.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or_else(|| bad("no status"))?;
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    if let Some(length) = length {
        let length: usize = length.trim().parse().map_err(|_| bad("no length"))?;
        while buffer.len() < head + length {
            if stream.read_buf(buffer).await? == 0 {
                return Err(bad("closed"));
            }
        }
    } else {
        // Chunks: the last one is empty.
        while !buffer.ends_with(b"\r\n0\r\n\r\n") {
            if stream.read_buf(buffer).await? == 0 {
                return Err(bad("closed"));
            }
        }
    }
    Ok((status, buffer.len() as u64))
}

/// What all connections ask.
struct Asking {
    templates: Vec<Template>,
    values: Values,
    key: String,
}

async fn connection(number: u64, asking: Arc<Asking>, until: Instant) -> Seen {
    let Asking { templates, values, key } = &*asking;
    let mut seen = Seen::default();
    let mut numbers = Numbers(number);
    let mut buffer = Vec::new();
    let mut streams: Vec<Option<TcpStream>> = templates.iter().map(|_| None).collect();
    for turn in 0.. {
        let at = turn % templates.len();
        if Instant::now() >= until {
            break;
        }
        if streams[at].is_none() {
            streams[at] = TcpStream::connect(&templates[at].host).await.ok();
        }
        let Some(stream) = &mut streams[at] else {
            seen.errors += 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let request = templates[at].request(key, values, &mut numbers);
        let _ = stream.set_nodelay(true); // slower without, not wrong
        let asked = Instant::now();
        let answered = match stream.write_all(&request).await {
            Ok(()) => answer(stream, &mut buffer).await,
            Err(error) => Err(error),
        };
        match answered {
            Ok((200, bytes)) => {
                seen.micros.push(u64::try_from(asked.elapsed().as_micros()).unwrap());
                seen.bytes += bytes;
            }
            Ok(_) => seen.other_statuses += 1,
            Err(_) => {
                seen.errors += 1;
                streams[at] = None;
            }
        }
    }
    seen
}

fn millis(micros: u64) -> String {
    format!("{}.{:03} ms", micros / 1_000, micros % 1_000)
}

fn main() {
    let words = Words::parse();
    let values = words.values.as_deref().map(Values::read).unwrap_or_default();
    let templates = words.urls.iter().map(|url| Template::parse(url, &values)).collect();
    let asking = Arc::new(Asking { templates, values, key: words.key });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let began = Instant::now();
    let until = began + Duration::from_secs(words.seconds);
    let mut all = Seen::default();
    runtime.block_on(async {
        let connections: Vec<_> = (0..words.connections)
            .map(|number| tokio::spawn(connection(number, asking.clone(), until)))
            .collect();
        for connection in connections {
            let seen = connection.await.unwrap();
            all.micros.extend(seen.micros);
            all.other_statuses += seen.other_statuses;
            all.errors += seen.errors;
            all.bytes += seen.bytes;
        }
    });
    let elapsed = u64::try_from(began.elapsed().as_millis()).unwrap().max(1);
    all.micros.sort_unstable();
    let answers = all.micros.len() as u64;
    let at = |per_mille: u64| {
        let index = usize::try_from(answers * per_mille / 1_000).unwrap();
        all.micros.get(index.min(all.micros.len().saturating_sub(1))).copied().unwrap_or_default()
    };
    if words.json {
        let said = serde_json::json!({
            "rps": answers * 1_000 / elapsed,
            "p50_us": at(500),
            "p99_us": at(990),
            "errors": all.errors + all.other_statuses,
        });
        println!("{said}");
        return;
    }
    println!("answers     {answers} in {} s, {} connections", elapsed / 1_000, words.connections);
    println!("requests/s  {}", answers * 1_000 / elapsed);
    println!("MiB/s       {}", (all.bytes * 1_000 / elapsed) >> 20);
    println!("p50         {}", millis(at(500)));
    println!("p99         {}", millis(at(990)));
    println!("slowest     {}", millis(at(1_000)));
    println!("not 200     {}", all.other_statuses);
    println!("errors      {}", all.errors);
    if answers == 0 || all.errors + all.other_statuses > 0 {
        std::process::exit(1);
    }
}
