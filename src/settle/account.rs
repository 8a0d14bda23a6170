//! Where money can be.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::Kind;
use crate::ident::Name;

/// Why money is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suspense {
    /// Played or sold, but not in the catalogue.
    Unmatched,
    /// Nobody claims it, or not all of it.
    Unclaimed,
    /// Claimed for over 100 %.
    Disputed,
    /// A pool that nobody's plays share.
    Undistributed,
    /// Something that it refers to is missing or contradicts itself.
    Parked,
}

impl Suspense {
    /// The kind of the lines that bring it there.
    pub const fn kind(self) -> Kind {
        match self {
            Self::Unmatched => Kind::Unmatched,
            Self::Unclaimed => Kind::Unclaimed,
            Self::Disputed => Kind::Disputed,
            Self::Undistributed => Kind::Undistributed,
            Self::Parked => Kind::Parked,
        }
    }

    /// One word, as accounts and statements write it.
    pub const fn as_str(self) -> &'static str {
        self.kind().as_str()
    }

    const ALL: [Self; 5] =
        [Self::Unmatched, Self::Unclaimed, Self::Disputed, Self::Undistributed, Self::Parked];
}

/// An account of the ledger, in any currency.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Account {
    /// What a service owes and pays in.
    Service(Name),
    /// What a shop or distributor owes and pays in.
    Source(Name),
    /// A pool, empty before and after a settlement. The key is service/offer/territory/right.
    Pool(Arc<str>),
    /// What a party is owed.
    Payable(Name),
    /// What cannot be paid yet.
    Suspense(Suspense),
    /// What a service keeps of a pool by the pool's own rule.
    Retained(Name),
    /// What adding up a report's many decimals leaves.
    Rounding,
}

impl Account {
    /// The party whose account it is, if it is a party's.
    pub const fn party(&self) -> Option<&Name> {
        match self {
            Self::Payable(party) => Some(party),
            _ => None,
        }
    }

    /// Reads an account's code.
    pub fn parse(code: &str) -> Option<Self> {
        let (kind, rest) = code.split_once(':').unwrap_or((code, ""));
        let name = || Name::parse(rest).ok();
        match kind {
            "service" => Some(Self::Service(name()?)),
            "source" => Some(Self::Source(name()?)),
            "pool" => Some(Self::Pool(rest.into())),
            "payable" => Some(Self::Payable(name()?)),
            "suspense" => {
                Suspense::ALL.into_iter().find(|s| s.as_str() == rest).map(Self::Suspense)
            }
            "retained" => Some(Self::Retained(name()?)),
            "rounding" if rest.is_empty() => Some(Self::Rounding),
            _ => None,
        }
    }

    /// What a statement prints for it: a party's or service's id, or the account itself.
    pub fn shown(&self) -> String {
        shown(&self.to_string()).into_owned()
    }
}

/// The party whose account a code names, if it is a party's.
pub fn party_of(code: &str) -> Option<&str> {
    code.strip_prefix("payable:")
}

/// What a statement prints for an account's code: a party's or service's id, or the code.
pub fn shown(code: &str) -> Cow<'_, str> {
    match code.split_once(':') {
        Some(("service" | "source" | "payable", name)) => Cow::Borrowed(name),
        Some(("pool", key)) => {
            let service = key.split('/').next().unwrap_or_default();
            if service.contains('%') {
                Cow::Owned(service.replace("%2F", "/").replace("%25", "%"))
            } else {
                Cow::Borrowed(service)
            }
        }
        _ => Cow::Borrowed(code),
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(name) => write!(f, "service:{name}"),
            Self::Source(name) => write!(f, "source:{name}"),
            Self::Pool(key) => write!(f, "pool:{key}"),
            Self::Payable(party) => write!(f, "payable:{party}"),
            Self::Suspense(reason) => write!(f, "suspense:{}", reason.as_str()),
            Self::Retained(service) => write!(f, "retained:{service}"),
            Self::Rounding => f.write_str("rounding"),
        }
    }
}
