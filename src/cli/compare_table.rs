//! What `tantieme compare` says: a table for whoever negotiates, JSON for programs.

use serde_json::{Value, json};

use super::show;
use crate::close::Compared;
use crate::compare::{Extraction, Measure, Measures, Moved, Purchase, Side, Standing};
use crate::money::{Currency, Micros, half_even};
use crate::period::Period;

/// A comparison and what it was made of.
pub(super) struct Report<'a> {
    pub compared: &'a Compared,
    pub standings: Vec<Standing<'a>>,
    pub purchase: Purchase,
    pub living: Micros,
    /// Of a month of the workspace.
    pub period: Option<Period>,
    pub recordings_given: bool,
}

/// Where there is nothing to say.
const NOTHING: &str = "-";

/// An amount in the currency's smallest unit, half to even, thousands apart.
pub(super) fn money(amount: Micros, currency: Currency) -> String {
    let places = currency.minor_units().min(6);
    let unit = 10_i128.pow(places);
    let units = half_even(i128::from(amount.micros()), i128::from(Micros::PER_UNIT) / unit);
    let sign = if units < 0 { "-" } else { "" };
    let units = units.abs();
    let whole = show::count(units / unit);
    match usize::try_from(places) {
        Ok(places) if places > 0 => format!("{sign}{whole}.{:0places$}", units % unit),
        _ => format!("{sign}{whole}"),
    }
}

/// Rows of a table, a column for each model.
struct Rows<'a, 'r> {
    report: &'r Report<'a>,
    rows: Vec<Vec<String>>,
}

impl<'a> Rows<'a, '_> {
    fn group(&mut self, name: &str) {
        let columns = self.report.standings.len() + 1;
        if !self.rows.is_empty() {
            self.rows.push(vec![String::new(); columns]);
        }
        let mut row = vec![String::new(); columns];
        name.clone_into(&mut row[0]);
        self.rows.push(row);
    }

    fn row(&mut self, name: &str, cell: impl Fn(&Standing<'a>) -> Option<String>) {
        let cells = self.report.standings.iter().map(cell);
        let cells = cells.map(|cell| cell.unwrap_or_else(|| NOTHING.to_owned()));
        self.rows.push(std::iter::once(format!("  {name}")).chain(cells).collect());
    }

    fn measure(&mut self, name: &str, of: impl Fn(&Measures) -> String) {
        self.row(name, |standing| standing.measures.as_ref().map(&of));
    }

    fn side(&mut self, gain: bool) {
        let currency = self.report.compared.currency;
        let side = |moved: &Moved<'a>| {
            let Moved { better, worse, .. } = moved;
            if gain { better.clone() } else { worse.clone() }
        };
        let mut row = |name: &str, cell: &dyn Fn(Side<'a>) -> Option<String>| {
            self.row(name, |standing| standing.moved.as_ref().map(side).and_then(cell));
        };
        let some = |side: &Side<'a>| side.artists > 0;
        let (who, most) = if gain {
            ("artists who get more", "the one who gains most")
        } else {
            ("artists who get less", "the one who loses most")
        };
        row(who, &|side| Some(show::count(side.artists)));
        row("  all of them together", &|side| some(&side).then(|| money(side.total, currency)));
        row("  the middle one", &|side| some(&side).then(|| money(side.median, currency)));
        row(&format!("  {most}"), &|side| side.largest.map(|(_, by)| money(by, currency)));
        row("  who is", &|side| side.largest.map(|(artist, _)| shortened(artist.as_str())));
    }

    fn extraction(&mut self, name: &str, cell: impl Fn(&Extraction) -> Option<String>) {
        let cells = self.report.compared.extractions.iter();
        let cells = cells.map(|extraction| extraction.as_ref().and_then(&cell));
        let cells = cells.map(|cell| cell.unwrap_or_else(|| NOTHING.to_owned()));
        self.rows.push(std::iter::once(format!("  {name}")).chain(cells).collect());
    }
}

impl Report<'_> {
    pub(super) fn table(&self) -> String {
        let Compared { currency, comparison, amount, listeners, .. } = self.compared;
        let currency = *currency;
        let mut rows = Rows { report: self, rows: Vec::new() };
        rows.group("Where the money goes");
        rows.row("paid to recordings", |model| Some(money(model.total, currency)));
        if self.standings.iter().any(|model| !model.set_aside.is_zero()) {
            rows.row("set aside, and not shared", |model| Some(money(model.set_aside, currency)));
        }
        rows.row("recordings paid", |model| Some(show::count(model.recordings_paid)));
        rows.row("artists paid", |model| Some(show::count(model.artists_paid)));
        let living = format!("artists with {} or more", money(self.living, currency));
        rows.row(&living, |model| Some(show::count(model.artists_living)));

        rows.group("How evenly");
        rows.measure("the best paid 1 % of artists get", |m| m.top_1_percent.percent());
        rows.measure("the best paid 10 % get", |m| m.top_10_percent.percent());
        rows.measure("the other 90 % get", |m| m.bottom_90_percent.percent());
        rows.measure("Gini", |m| format!("{:.4}", m.gini));
        rows.measure("Theil", |m| format!("{:.4}", m.theil));
        rows.measure("Atkinson, 1/2", |m| format!("{:.4}", m.atkinson_half));
        rows.measure("Atkinson, 1", |m| format!("{:.4}", m.atkinson_one));
        rows.measure("Herfindahl-Hirschman", |m| hhi(m.hhi));

        if self.standings.len() > 1 {
            rows.group(&format!("Who moves, against {}", comparison.baseline()));
            rows.side(true);
            rows.side(false);
            rows.row("artists who get the same", |model| {
                model.moved.as_ref().map(|moved| show::count(moved.unchanged))
            });
        }

        let Purchase { accounts, plays_each } = self.purchase;
        if accounts > 0 {
            rows.group(&format!(
                "What {} would take, with {} each",
                show::counted(accounts.into(), "bought account"),
                show::counted(plays_each.into(), "play")
            ));
            rows.extraction("they add to the pool", |e| Some(money(e.brought_in, currency)));
            rows.extraction("they take out", |e| Some(money(e.extracted, currency)));
            rows.extraction("back of each 1.00 they add", |e| {
                e.returned().map(|returned| format!("{returned:.2}"))
            });
            rows.extraction("it pays if an account costs under", |e| {
                e.break_even().map(|price| money(price, currency))
            });
        }
        let columns: Vec<String> = std::iter::once(currency.to_string())
            .chain(comparison.models().map(|name| format!(">{name}")))
            .collect();
        let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
        let table = show::table(&columns, rows.rows);
        let month = self.period.map_or_else(String::new, |period| format!("{period}: "));
        let about = format!(
            "{month}{} {currency} for {} by {}, of {} by {}",
            money(*amount, currency),
            show::counted(comparison.plays(), "play"),
            show::counted(*listeners, "listener"),
            show::counted(comparison.recordings(), "recording"),
            show::counted(comparison.artists(), "artist"),
        );
        format!("{about}\n\n{table}\n{}\n", self.explained().join("\n"))
    }

    /// The lines under the table.
    fn explained(&self) -> Vec<String> {
        let mut lines = vec![
            "Gini, Theil and Atkinson are 0 where every artist gets the same. Two rules can have the"
                .to_owned(),
            "same Gini and pay different artists: read it together with who moves.".to_owned(),
        ];
        if self.purchase.accounts > 0 {
            lines.extend([
                "Bought accounts play one recording of one artist and nothing else. What comes back of"
                    .to_owned(),
                "each 1.00 over 1.00 is taken from other artists.".to_owned(),
            ]);
            if self.period.is_some() {
                lines.push(format!("They are bought into {}.", self.compared.bought_into));
            }
        }
        lines.extend(self.notes());
        lines
    }

    /// What must be known to read the result, whatever its form.
    pub(super) fn notes(&self) -> Vec<String> {
        let note = match self.compared.without_artist {
            0 => return Vec::new(),
            _ if !self.recordings_given => {
                "Without --recordings, every recording counts as an artist of its own.".to_owned()
            }
            1 => "1 recording has no known artist and counts as an artist of its own.".to_owned(),
            many => format!(
                "{} recordings have no known artist, and each counts as an artist of its own.",
                show::count(many)
            ),
        };
        vec![note]
    }

    pub(super) fn json(&self) -> Value {
        let Compared { currency, comparison, amount, listeners, without_artist, .. } =
            self.compared;
        let Purchase { accounts, plays_each } = self.purchase;
        let models: Vec<Value> = self
            .standings
            .iter()
            .zip(&self.compared.extractions)
            .map(|(standing, extraction)| model(standing, extraction.as_ref()))
            .collect();
        json!({
            "currency": currency,
            "amount": amount,
            "plays": comparison.plays(),
            "listeners": listeners,
            "recordings": comparison.recordings(),
            "artists": comparison.artists(),
            "recordings_without_artist": without_artist,
            "baseline": comparison.baseline(),
            "living": self.living,
            "fraud": (accounts > 0).then(|| json!({
                "accounts": accounts,
                "plays_each": plays_each,
                "pool": self.period.map(|_| &self.compared.bought_into),
            })),
            "models": models,
        })
    }
}

fn model(standing: &Standing<'_>, extraction: Option<&Extraction>) -> Value {
    let Standing { model, total, set_aside, measures, moved, .. } = standing;
    json!({
        "model": model,
        "total": total,
        "set_aside": set_aside,
        "recordings_paid": standing.recordings_paid,
        "artists_paid": standing.artists_paid,
        "artists_living": standing.artists_living,
        "measures": measures,
        "against_baseline": moved.as_ref().map(|moved| json!({
            "better": side(&moved.better),
            "worse": side(&moved.worse),
            "unchanged": moved.unchanged,
        })),
        "fraud": extraction.map(|extraction| json!({
            "brought_in": extraction.brought_in,
            "extracted": extraction.extracted,
            "from_others": extraction.from_others(),
            "return": extraction.returned(),
            "break_even_price": extraction.break_even(),
        })),
    })
}

fn side(side: &Side<'_>) -> Value {
    json!({
        "artists": side.artists,
        "total": side.total,
        "median": side.median,
        "largest": side.largest.map(|(artist, amount)| json!({
            "artist": artist.as_str(), "amount": amount,
        })),
    })
}

/// With more digits where the market is spread over many.
fn hhi(measure: Measure) -> String {
    let text = format!("{measure:.4}");
    if text == "0.0000" { format!("{measure:.6}") } else { text }
}

/// An id that fits into a column.
fn shortened(id: &str) -> String {
    const LETTERS_MAX: usize = 18;
    if id.chars().count() <= LETTERS_MAX {
        return id.to_owned();
    }
    id.chars().take(LETTERS_MAX - 1).chain(['…']).collect()
}
