//! A line: one movement of money, and why.

use std::fmt;
use std::sync::Arc;

use chrono::NaiveDate;

use super::Account;
use crate::agreements::{AgreementRef, Case};
use crate::catalog::Right;
use crate::columnar::{Cell, Kind as Column, Layout};
use crate::digest::{Canonical, Fields};
use crate::ident::{Name, RecordingId, Territory, key_of};
use crate::money::{Currency, Micros};
use crate::period::{AsOf, Period, parse_day};

/// Names a line for ever: 128 bits of the SHA-256 of what the line is about, not of its amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LineId([u8; 16]);

impl LineId {
    /// The sixteen bytes.
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// From the sixteen bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Reads 32 hexadecimal digits.
    pub fn parse(text: &str) -> Option<Self> {
        const_hex::decode(text).ok()?.try_into().ok().map(Self)
    }
}

impl fmt::Display for LineId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&const_hex::encode(self.0))
    }
}

/// What a movement is, in one word that a reader understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A service's revenue enters a pool.
    Pool,
    /// A rights holder's share of a recording's money.
    Share,
    /// What a rights holder pays on.
    Royalty,
    /// Held: the recording is unknown.
    Unmatched,
    /// Held: nobody claims it.
    Unclaimed,
    /// Held: claimed for over 100 %.
    Disputed,
    /// Held: nobody's plays share the pool.
    Undistributed,
    /// Held: something is missing or contradicts itself.
    Parked,
    /// What adding up a report's many decimals leaves.
    Rounding,
    /// What earlier months left undistributed enters the pool.
    Carried,
    /// The service keeps it by the pool's rule.
    Retained,
    /// What a pool of a published month gives more or less than it gave then.
    Adjustment,
}

impl Kind {
    const ALL: [Self; 12] = [
        Self::Pool,
        Self::Share,
        Self::Royalty,
        Self::Unmatched,
        Self::Unclaimed,
        Self::Disputed,
        Self::Undistributed,
        Self::Parked,
        Self::Rounding,
        Self::Carried,
        Self::Retained,
        Self::Adjustment,
    ];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pool => "pool",
            Self::Share => "share",
            Self::Royalty => "royalty",
            Self::Unmatched => "unmatched",
            Self::Unclaimed => "unclaimed",
            Self::Disputed => "disputed",
            Self::Undistributed => "undistributed",
            Self::Parked => "parked",
            Self::Rounding => "rounding",
            Self::Carried => "carried",
            Self::Retained => "retained",
            Self::Adjustment => "adjustment",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// Which pool or sale the money is from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin {
    /// True for a sale, false for a pool.
    pub sale: bool,
    /// The month of the usage or the sale, which may be before the month it settles in.
    pub period: Period,
    /// The service, or the source of a sale.
    pub service: Name,
    /// The offer, or the channel of a sale.
    pub offer: Name,
    /// Where.
    pub territory: Territory,
    /// For which right.
    pub right: Right,
    /// In what.
    pub currency: Currency,
    /// When it was sold, where that is known.
    pub sale_date: Option<NaiveDate>,
    /// True for returns.
    pub returned: bool,
    /// The release that was sold, if it was not one recording.
    pub release: Option<Name>,
}

impl Origin {
    /// service/offer/territory/right, what a pool's account is named after.
    pub fn key(&self) -> String {
        let parts = [self.service.as_str(), self.offer.as_str(), self.territory.as_str()];
        key_of(parts.into_iter().chain([self.right.as_str()]))
    }

    /// What agreements are asked about.
    pub const fn case(&self) -> Case<'_> {
        Case {
            service: &self.service,
            offer: &self.offer,
            territory: self.territory,
            right: self.right,
            as_of: match self.sale_date {
                Some(day) => AsOf::Day(day),
                None => AsOf::Month(self.period),
            },
        }
    }
}

/// One movement from a payer to a payee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its name.
    pub id: LineId,
    /// The line whose money this one pays on.
    pub parent: Option<LineId>,
    /// What it is.
    pub kind: Kind,
    /// Who pays.
    pub debit: Account,
    /// Who is paid.
    pub credit: Account,
    /// Which pool or sale.
    pub origin: Arc<Origin>,
    /// Which recording; none for a pool as a whole or a release nobody knows.
    pub recording: Option<RecordingId>,
    /// Raw plays of the recording in the pool, or the quantity sold.
    pub plays: i64,
    /// What the rate was taken of.
    pub base: Micros,
    /// The rate or share, as the claim or the agreement writes it.
    pub rate: Option<String>,
    /// What moves; negative for returns.
    pub amount: Micros,
    /// By which agreement; none where a claim alone decides.
    pub agreement: Option<Arc<AgreementRef>>,
    /// Why money is held.
    pub note: Option<String>,
}

/// The columns of a file of lines.
pub const LAYOUT: Layout = &[
    ("line", Column::Id),
    ("parent", Column::Id),
    ("kind", Column::Text),
    ("debit", Column::Text),
    ("credit", Column::Text),
    ("origin", Column::Text),
    ("usage_period", Column::Text),
    ("service", Column::Text),
    ("offer", Column::Text),
    ("territory", Column::Text),
    ("right", Column::Text),
    ("currency", Column::Text),
    ("sale_date", Column::Text),
    ("returned", Column::Int),
    ("release", Column::Text),
    ("recording", Column::Text),
    ("plays", Column::Int),
    ("base_amount", Column::Amount),
    ("rate", Column::Text),
    ("amount", Column::Amount),
    ("agreement", Column::Text),
    ("agreement_version", Column::Text),
    ("term", Column::Text),
    ("note", Column::Text),
];

impl Line {
    /// What the names of all lines of one origin begin with, hashed.
    pub fn naming(period: Period, origin: &Origin) -> Canonical {
        let text = |text: Option<String>| text.unwrap_or_default();
        Canonical::new("tantieme line 1")
            .text(&period.to_string())
            .text(if origin.sale { "sale" } else { "pool" })
            .text(&origin.period.to_string())
            .text(&origin.key())
            .text(origin.currency.code())
            .text(&text(origin.sale_date.map(|day| day.to_string())))
            .int(i64::from(origin.returned))
            .text(&text(origin.release.as_ref().map(Name::to_string)))
    }

    /// The line's name, from all that tells it from other lines of the month it settles in:
    /// what [`Line::naming`] begins, and the rest. `rule` tells apart two claims of one party.
    pub fn name(
        naming: &Canonical,
        recording: Option<&RecordingId>,
        (kind, debit, credit): (Kind, &Account, &Account),
        parent: Option<LineId>,
        rule: &str,
    ) -> LineId {
        let mut fields = Fields::default();
        fields
            .text(recording.map_or("", RecordingId::as_str))
            .text(kind.as_str())
            .text(&debit.to_string())
            .text(&credit.to_string())
            .bytes(parent.map(LineId::bytes).as_ref().map_or(&[], |id| id.as_slice()))
            .text(rule);
        let mut naming = naming.clone();
        naming.fields(&fields);
        let mut half = [0; 16];
        half.copy_from_slice(&naming.digest().bytes()[..16]);
        LineId(half)
    }

    /// Calls `write` with one cell for each column of [`LAYOUT`].
    pub fn with_cells<R>(&self, write: impl FnOnce(&[Cell<'_>; 24]) -> R) -> R {
        let (debit, credit) = (self.debit.to_string(), self.credit.to_string());
        let period = self.origin.period.to_string();
        let sale_date = self.origin.sale_date.map(|day| day.to_string());
        let agreement = self.agreement.as_deref();
        write(&[
            Cell::Id(self.id.0),
            self.parent.map_or(Cell::Absent, |parent| Cell::Id(parent.0)),
            Cell::Text(self.kind.as_str()),
            Cell::Text(&debit),
            Cell::Text(&credit),
            Cell::Text(if self.origin.sale { "sale" } else { "pool" }),
            Cell::Text(&period),
            Cell::Text(self.origin.service.as_str()),
            Cell::Text(self.origin.offer.as_str()),
            Cell::Text(self.origin.territory.as_str()),
            Cell::Text(self.origin.right.as_str()),
            Cell::Text(self.origin.currency.code()),
            optional(sale_date.as_deref()),
            Cell::Int(i64::from(self.origin.returned)),
            optional(self.origin.release.as_ref().map(Name::as_str)),
            optional(self.recording.as_ref().map(RecordingId::as_str)),
            Cell::Int(self.plays),
            Cell::Amount(self.base),
            optional(self.rate.as_deref()),
            Cell::Amount(self.amount),
            optional(agreement.map(|a| a.id.as_str())),
            optional(agreement.map(|a| a.version.as_str())),
            optional(agreement.map(|a| a.term.as_str())),
            optional(self.note.as_deref()),
        ])
    }

    /// Reads the cells of a row; `None` if they are not a line's.
    pub fn from_cells(cells: &[Cell<'_>; 24]) -> Option<Self> {
        let text = |at: usize| cells[at].text();
        let id = |at: usize| cells[at].id().map(LineId);
        let int = |at: usize| cells[at].int();
        let amount = |at: usize| cells[at].amount();
        let name = |at: usize| text(at).and_then(|text| Name::parse(text).ok());
        let origin = Origin {
            sale: text(5)? == "sale",
            period: text(6)?.parse().ok()?,
            service: name(7)?,
            offer: name(8)?,
            territory: Territory::parse(text(9)?).ok()?,
            right: Right::parse(text(10)?).ok()?,
            currency: Currency::parse(text(11)?).ok()?,
            sale_date: text(12).and_then(|day| parse_day(day).ok()),
            returned: int(13)? == 1,
            release: name(14),
        };
        let agreement = name(20).and_then(|id| {
            let (version, term) = (text(21)?.to_owned(), text(22)?.to_owned());
            Some(Arc::new(AgreementRef { id, version, term }))
        });
        Some(Self {
            id: id(0)?,
            parent: id(1),
            kind: Kind::parse(text(2)?)?,
            debit: Account::parse(text(3)?)?,
            credit: Account::parse(text(4)?)?,
            origin: Arc::new(origin),
            recording: text(15).and_then(|text| RecordingId::parse(text).ok()),
            plays: int(16)?,
            base: amount(17)?,
            rate: text(18).map(str::to_owned),
            amount: amount(19)?,
            agreement,
            note: text(23).map(str::to_owned),
        })
    }
}

/// Adds all that a line's cells say to what is hashed.
pub fn canonical(cells: &[Cell<'_>; 24], fields: &mut Fields) {
    for cell in cells {
        match cell {
            Cell::Absent => fields.int(0),
            Cell::Text(text) => fields.int(1).text(text),
            Cell::Int(number) => fields.int(2).int(*number),
            Cell::Amount(amount) => fields.int(3).int(amount.micros()),
            Cell::Id(id) => fields.int(4).bytes(id),
        };
    }
}

/// What adding up and printing want to know of a line, its texts borrowed from its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineRow<'a> {
    /// Its name.
    pub id: LineId,
    /// The line whose money this one pays on.
    pub parent: Option<LineId>,
    /// What it is.
    pub kind: Kind,
    /// Who pays: an account's code.
    pub debit: &'a str,
    /// Who is paid: an account's code.
    pub credit: &'a str,
    /// The service, or the source of a sale.
    pub service: &'a str,
    /// The offer, or the channel of a sale.
    pub offer: &'a str,
    /// Where.
    pub territory: &'a str,
    /// For which right.
    pub right: &'a str,
    /// In what.
    pub currency: Currency,
    /// Which recording.
    pub recording: Option<&'a str>,
    /// Raw plays or the quantity.
    pub plays: i64,
    /// What the rate was taken of.
    pub base: Micros,
    /// The rate or share.
    pub rate: Option<&'a str>,
    /// What moves.
    pub amount: Micros,
    /// By which agreement.
    pub agreement: Option<&'a str>,
}

impl<'a> LineRow<'a> {
    /// Reads the cells of a row; `None` if they are not a line's.
    pub fn from_cells(cells: &[Cell<'a>; 24]) -> Option<Self> {
        let text = |at: usize| cells[at].text();
        Some(Self {
            id: LineId(cells[0].id()?),
            parent: cells[1].id().map(LineId),
            kind: Kind::parse(text(2)?)?,
            debit: text(3)?,
            credit: text(4)?,
            service: text(7)?,
            offer: text(8)?,
            territory: text(9)?,
            right: text(10)?,
            currency: Currency::parse(text(11)?).ok()?,
            recording: text(15),
            plays: cells[16].int()?,
            base: cells[17].amount()?,
            rate: text(18),
            amount: cells[19].amount()?,
            agreement: text(20),
        })
    }
}

fn optional(text: Option<&str>) -> Cell<'_> {
    text.map_or(Cell::Absent, Cell::Text)
}
