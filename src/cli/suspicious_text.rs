//! Suspicious listening as people and programs read it. A listener is a hash, and in a table not
//! even that.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::csv_text::CsvText;
use super::show;
use super::suspicious::{Effect, Moved};
use crate::ident::{Name, RecordingId, shown_listener};
use crate::money::{Micros, half_even};
use crate::suspicion::{Case, Played, Signal, Subject, Suspects, Weighed, Weight};

/// All that is said.
pub(super) struct Report<'a> {
    /// Recordings by their numbers.
    pub(super) recordings: &'a [RecordingId],
    /// The first artist of a recording, if it is known.
    pub(super) artist: &'a dyn Fn(&RecordingId) -> Option<Name>,
    pub(super) suspects: &'a Suspects,
    /// Its plays; what is held is so in the effect.
    pub(super) weighed: &'a Weighed,
    pub(super) effect: Option<Effect>,
    /// How many of a kind a table shows.
    pub(super) top: usize,
    /// Whether artists are known.
    pub(super) by_artist: bool,
}

/// How many gain and lose, and what.
#[derive(Default)]
struct Moves {
    less: u64,
    more: u64,
    lost: i128,
    gained: i128,
}

impl Moves {
    fn of(differences: impl Iterator<Item = i128>) -> Self {
        let mut moves = Self::default();
        for difference in differences {
            moves.less += u64::from(difference < 0);
            moves.more += u64::from(difference > 0);
            moves.lost -= difference.min(0);
            moves.gained += difference.max(0);
        }
        moves
    }
}

impl Report<'_> {
    fn id(&self, recording: u32) -> &str {
        self.recordings[recording as usize].as_str()
    }

    fn artist_of(&self, recording: u32) -> Option<String> {
        (self.artist)(&self.recordings[recording as usize]).map(|artist| artist.to_string())
    }

    /// Gains and losses by artist; a recording of nobody known is its own.
    fn artists_moves(&self, effect: &Effect) -> Moves {
        let mut artists: BTreeMap<(bool, String), i128> = BTreeMap::new();
        for moved in &effect.recordings {
            let artist = (self.artist)(&moved.recording);
            let known = artist.is_some();
            let name = artist.map_or_else(|| moved.recording.to_string(), |name| name.to_string());
            *artists.entry((known, name)).or_default() += i128::from(moved.difference());
        }
        Moves::of(artists.into_values())
    }
}

/// One decimal of a percentage.
fn percent(part: u64, whole: u64) -> String {
    let tenths = half_even(i128::from(part) * 1000, i128::from(whole.max(1)));
    format!("{}.{} %", tenths / 10, tenths % 10)
}

fn amount(micros: i128) -> String {
    Micros::from_micros(micros).unwrap_or(Micros::MAX).to_string()
}

fn plays(count: u64) -> String {
    show::counted(count, "play")
}

/// A case in a sentence.
fn sentence(report: &Report<'_>, case: &Case) -> String {
    let part = || percent(case.plays, case.of);
    let some = || format!("{} of {} ({})", show::count(case.plays), plays(case.of), part());
    match &case.subject {
        Subject::Listener { most, most_plays, .. } => format!(
            "one listener: {}, {} of them of {}",
            plays(case.plays),
            percent(*most_plays, case.plays),
            report.id(*most)
        ),
        Subject::Recording { recording, .. } if case.signal == Signal::ListenerOfRecording => {
            format!("{}: {} are one listener's", report.id(*recording), some())
        }
        Subject::Recording { recording, .. } => {
            format!("one listener: {} are of {}", some(), report.id(*recording))
        }
        Subject::Artist { most, .. } => {
            let most_of = report.id(*most);
            match report.artist_of(*most) {
                Some(artist) => {
                    format!("one listener: {} are of {artist}, most of {most_of}", some())
                }
                None => format!("one listener: {} are of {most_of}, artist not known", some()),
            }
        }
        Subject::Group(group) => {
            let most = case.subject.recording().map_or("", |most| report.id(most));
            format!(
                "{} play nearly the same {}: {}, {} of all plays, most of {most}",
                show::counted(case.listeners, "listener"),
                show::counted(group.common() as u64, "recording"),
                plays(case.plays),
                part(),
            )
        }
        Subject::Whole { recording, ratio } => format!(
            "{}: {} by {}, {}.{} times its share of equal listener budgets",
            report.id(*recording),
            plays(case.plays),
            show::counted(case.listeners, "listener"),
            show::count(*ratio / 1_000_000),
            *ratio / 100_000 % 10
        ),
    }
}

/// Of a pool in which nothing is suspicious.
pub(super) fn nothing(report: &Report<'_>) -> String {
    let Suspects { plays: count, listeners, .. } = report.suspects;
    let (plays, listeners) = (plays(*count), show::counted(*listeners, "listener"));
    format!("nothing is suspicious in {plays} of {listeners}\n")
}

/// What a person reads who must decide. Writing to a text cannot fail.
pub(super) fn table(report: &Report<'_>) -> String {
    let Report { suspects, weighed, top, .. } = report;
    let mut text = format!(
        "{} of {}, of which {} ({}) of {} are suspicious\n\n",
        plays(suspects.plays),
        show::counted(suspects.listeners, "listener"),
        show::count(weighed.all.plays),
        percent(weighed.all.plays, suspects.plays),
        show::counted(weighed.all.listeners, "listener"),
    );
    let weight = |weight: Weight| {
        let part = percent(weight.plays, suspects.plays);
        [show::count(weight.listeners), show::count(weight.plays), part]
    };
    let row = |signal: Signal| {
        let hold = suspects.looked_for.hold(signal);
        let cases = suspects.cases.iter().filter(|case| case.signal == signal).count();
        let mut cells = vec![signal.as_str().to_owned()];
        match hold {
            None => cells.extend(["", "", "", "", "not looked at"].map(str::to_owned)),
            Some(hold) => {
                cells.push(show::count(cases as u64));
                cells.extend(weight(weighed.signal(signal)));
                cells.push(if hold { "held" } else { "reported" }.to_owned());
            }
        }
        cells
    };
    let columns = ["signal", ">cases", ">listeners", ">plays", ">of all", "is"];
    text += &show::table(&columns, Signal::ALL.into_iter().map(row));
    if !suspects.cases.is_empty() {
        text += "\nThe cases with the most plays:\n";
        let rows = suspects.cases.iter().take(*top).map(|case| {
            let is = case.state.as_str().to_owned();
            vec![case.signal.as_str().to_owned(), is, sentence(report, case)]
        });
        text += &show::table(&["signal", "is", "case"], rows);
        let more = suspects.cases.len().saturating_sub(*top) as u64;
        if more > 0 {
            let _ =
                writeln!(text, "and {}; --format json lists all", show::counted(more, "more case"));
        }
    }
    if let Some(effect) = &report.effect {
        text += &effect_text(report, effect);
    }
    text
}

fn effect_text(report: &Report<'_>, effect: &Effect) -> String {
    let held = report.weighed.held;
    let moves = Moves::of(effect.recordings.iter().map(|moved| moved.difference().into()));
    let currency = effect.currency;
    let mut text = format!(
        "\n{} of {} {currency} by {}:\n",
        if effect.supposed { "What holding all of it would move" } else { "What the hold moves" },
        effect.amount,
        effect.rule,
    );
    let _ = writeln!(
        text,
        "  held: {} of {}, {} of all",
        plays(held.plays),
        show::counted(held.listeners, "listener"),
        percent(held.plays, report.suspects.plays)
    );
    let _ = writeln!(
        text,
        "  {} {} less, {} {currency} together; {} {} more, {} {currency} together",
        show::counted(moves.less, "recording"),
        get(moves.less),
        amount(moves.lost),
        show::count(moves.more),
        get(moves.more),
        amount(moves.gained)
    );
    if report.by_artist {
        let artists = report.artists_moves(effect);
        let _ = writeln!(
            text,
            "  {} {} less, {} {currency} together; {} {} more",
            show::counted(artists.less, "artist"),
            get(artists.less),
            amount(artists.lost),
            show::count(artists.more),
            get(artists.more),
        );
    }
    let mut largest: Vec<&Moved> =
        effect.recordings.iter().filter(|moved| moved.difference() != 0).collect();
    // Those of equal size keep the order of their ids.
    largest.sort_by_key(|moved| Reverse(moved.difference().unsigned_abs()));
    if !largest.is_empty() {
        text.push('\n');
        let row = |moved: &&Moved| {
            vec![
                moved.recording.to_string(),
                show::count(moved.plays),
                show::count(moved.held_plays),
                moved.before.to_string(),
                moved.after.to_string(),
                amount(moved.difference().into()),
            ]
        };
        let columns = ["recording", ">plays", ">held", ">before", ">after", ">difference"];
        text += &show::table(&columns, largest.iter().take(report.top).map(row));
        let more = largest.len().saturating_sub(report.top) as u64;
        if more > 0 {
            let _ = writeln!(
                text,
                "and {}; --format csv lists all",
                show::counted(more, "more recording")
            );
        }
    }
    text
}

/// One gets, many get.
const fn get(count: u64) -> &'static str {
    if count == 1 { "gets" } else { "get" }
}

/// For programs.
pub(super) fn json(report: &Report<'_>) -> Value {
    let Report { suspects, weighed, .. } = report;
    let weight = |weight: Weight| json!({ "listeners": weight.listeners, "plays": weight.plays });
    let signal = |signal: Signal| {
        let cases = suspects.cases.iter().filter(|case| case.signal == signal).count();
        suspects.looked_for.hold(signal).map(|hold| {
            let Weight { plays, listeners } = weighed.signal(signal);
            json!({
                "signal": signal.as_str(), "hold": hold, "cases": cases,
                "listeners": listeners, "plays": plays,
            })
        })
    };
    let supposed = report.effect.as_ref().is_some_and(|effect| effect.supposed);
    let held = if supposed { Weight::default() } else { weighed.held };
    let mut value = json!({
        "listeners": suspects.listeners,
        "plays": suspects.plays,
        "thresholds": suspects.looked_for,
        "suspicious": weight(weighed.all),
        "held": weight(held),
        "signals": Signal::ALL.into_iter().filter_map(signal).collect::<Vec<_>>(),
        "cases": suspects.cases.iter().map(|case| json_case(report, case)).collect::<Vec<_>>(),
    });
    if let Some(effect) = &report.effect {
        let moves = Moves::of(effect.recordings.iter().map(|moved| moved.difference().into()));
        let changed = effect.recordings.iter().filter(|moved| moved.difference() != 0);
        let row = |moved: &Moved| {
            json!({
                "recording": moved.recording, "plays": moved.plays,
                "held_plays": moved.held_plays, "held_listeners": moved.held_listeners,
                "before": moved.before, "after": moved.after,
                "difference": amount(moved.difference().into()),
            })
        };
        value["effect"] = json!({
            "amount": effect.amount, "currency": effect.currency, "rule": effect.rule,
            "all_held_to_see_what_it_does": effect.supposed,
            "held": weight(weighed.held),
            "recordings_with_less": moves.less, "lost": amount(moves.lost),
            "recordings_with_more": moves.more, "gained": amount(moves.gained),
            "recordings": changed.map(row).collect::<Vec<_>>(),
        });
        if report.by_artist {
            let artists = report.artists_moves(effect);
            value["effect"]["artists_with_less"] = artists.less.into();
            value["effect"]["artists_with_more"] = artists.more.into();
        }
    }
    value
}

fn json_case(report: &Report<'_>, case: &Case) -> Value {
    let mut value = json!({
        "signal": case.signal.as_str(), "state": case.state.as_str(),
        "plays": case.plays, "of": case.of, "listeners": case.listeners,
        "sentence": sentence(report, case),
    });
    if let Some(listener) = case.subject.listener() {
        value["listener"] = shown_listener(listener).into();
    }
    if let Some(recording) = case.subject.recording() {
        value["recording"] = report.id(recording).into();
    }
    match &case.subject {
        Subject::Artist { most, .. } => value["artist"] = report.artist_of(*most).into(),
        Subject::Group(group) => {
            value["group"] = group.id.as_str().into();
            value["listeners_of_group"] =
                group.listeners.iter().map(|listener| shown_listener(*listener)).collect();
            let recording = |played: &Played| {
                let Played { recording, plays, listeners } = played;
                let id = report.id(*recording);
                json!({ "recording": id, "plays": plays, "listeners": listeners })
            };
            value["recordings_of_group"] = group.recordings.iter().map(recording).collect();
        }
        Subject::Whole { ratio, .. } => value["ratio"] = amount((*ratio).into()).into(),
        Subject::Listener { .. } | Subject::Recording { .. } => {}
    }
    value
}

/// The cases as CSV, those of a group with a row for each of its listeners; first the names and
/// cells of the pool that they are of.
pub(super) fn cases(report: &Report<'_>, pool: &[(&str, String)], header: bool) -> CsvText {
    const HEADER: [&str; 9] =
        ["signal", "state", "plays", "of", "listeners", "recording", "artist", "group", "listener"];
    let mut text = CsvText::default();
    if header {
        text.row(|row| {
            let pool = pool.iter().map(|(name, _)| *name);
            pool.chain(HEADER).for_each(|name| row.text(name));
        });
    }
    for case in &report.suspects.cases {
        let (group, listeners) = match &case.subject {
            Subject::Group(group) => (group.id.as_str(), group.listeners.clone()),
            subject => ("", subject.listener().into_iter().collect()),
        };
        let artist = match &case.subject {
            Subject::Artist { most, .. } => report.artist_of(*most).unwrap_or_default(),
            _ => String::new(),
        };
        let mut row = |listener: &str| {
            text.row(|row| {
                for (_, cell) in pool {
                    row.text(cell);
                }
                row.text(case.signal.as_str());
                row.text(case.state.as_str());
                row.count(case.plays);
                row.count(case.of);
                row.count(case.listeners);
                row.text(case.subject.recording().map_or("", |recording| report.id(recording)));
                row.text(&artist);
                row.text(group);
                row.text(listener);
            });
        };
        if listeners.is_empty() {
            row("");
        }
        for listener in listeners {
            row(&shown_listener(listener));
        }
    }
    text
}
