//! Who is asking, and what they see. Every decision about sight is in this file.
//!
//! Whatever is mounted behind [`guard`] needs a key. A handler learns about the asker only as
//! [`Sight`], and a resource that `Sight` does not grant is [`Problem::NotFound`].

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;

use super::App;
use super::keys::{Plain, Scope};
use super::problem::Problem;
use crate::columnar::Cell;
use crate::digest::Digest;
use crate::statements::{Entry, LAYOUT};
use crate::store::statements::api::KEY_OF;

/// What the key of a request sees.
#[derive(Debug, Clone)]
pub(super) struct Sight {
    key: i64,
    scope: Arc<Scope>,
}

impl Sight {
    /// The one payee whose statements it sees; `None` if it sees everybody's.
    pub(super) fn only_payee(&self) -> Option<&str> {
        self.scope.party().map(crate::ident::Name::as_str)
    }

    /// True if it sees that payee's statements whole: their faces and all their lines.
    pub(super) fn sees_statements_of(&self, payee: &str) -> bool {
        self.only_payee().is_none_or(|own| own == payee)
    }

    /// Which lines it sees of that payee's statements. What it sees there may turn out to be
    /// nothing; that is `NotFound` too.
    pub(super) fn lines_of(&self, payee: &str) -> Result<LineSight, Problem> {
        match self.scope.as_ref() {
            _ if self.sees_statements_of(payee) => Ok(LineSight::Whole),
            Scope::Label(label) => Ok(LineSight::Party(label.as_str().into())),
            Scope::Payee(_) | Scope::All => Err(Problem::NotFound),
        }
    }

    /// Which lines it sees of a whole month, and the one payee to whose statements they are
    /// confined, if they are.
    pub(super) fn lines(&self) -> (LineSight, Option<&str>) {
        match self.scope.as_ref() {
            Scope::All => (LineSight::Whole, None),
            Scope::Label(label) => (LineSight::Party(label.as_str().into()), None),
            Scope::Payee(payee) => (LineSight::Whole, Some(payee.as_str())),
        }
    }

    /// What tells listings of different sight apart.
    pub(super) fn mark(&self) -> String {
        format!("{} {}", self.scope.word(), self.only_payee().unwrap_or_default())
    }
}

/// Which lines of a range are seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LineSight {
    /// All of them.
    Whole,
    /// Those on this party's own statements, and those that it pays or receives on others'.
    Party(Arc<str>),
}

/// The kinds of line that move money from one party to another. On every other kind one side is
/// a service, a source or an account, whose id may be spelled like a party's.
const BETWEEN_PARTIES: [&str; 1] = ["royalty"];

/// The columns of a file of statement lines that tell who sees a line.
static TELLING: LazyLock<[Option<usize>; 4]> = LazyLock::new(|| {
    ["owner", "kind", "payee", "payer"].map(|name| LAYOUT.iter().position(|(n, _)| *n == name))
});

impl LineSight {
    fn sees(&self, [owner, kind, payee, payer]: [&str; 4]) -> bool {
        match self {
            Self::Whole => true,
            Self::Party(party) => {
                let side = payee == &**party || payer == &**party;
                owner == &**party || (BETWEEN_PARTIES.contains(&kind) && side)
            }
        }
    }

    /// True if it sees that line.
    pub(super) fn sees_entry(&self, entry: &Entry) -> bool {
        self.sees([&entry.owner, &entry.kind, &entry.payee, &entry.payer])
    }

    /// The same of a line that is not read further, by the cells of [`LAYOUT`].
    pub(super) fn sees_cells(&self, cells: &[Cell<'_>]) -> bool {
        self.sees(TELLING.map(|column| match column.and_then(|at| cells.get(at)) {
            Some(Cell::Text(text)) => *text,
            _ => "",
        }))
    }
}

/// A handler that was mounted outside [`guard`] refuses everybody.
impl<S: Send + Sync> FromRequestParts<S> for Sight {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or(Problem::Unauthorized)
    }
}

/// The number of the key that was used, for the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyUsed(pub(super) i64);

/// Lets a request with a good key through, and tells handlers what it sees.
pub(super) async fn guard(State(app): State<App>, mut request: Request, next: Next) -> Response {
    use axum::response::IntoResponse as _;
    let sight = match sight_of(&app, request.headers()).await {
        Ok(sight) => sight,
        Err(problem) => return problem.into_response(),
    };
    let key = sight.key;
    request.extensions_mut().insert(sight);
    let mut response = next.run(request).await;
    response.extensions_mut().insert(KeyUsed(key));
    response
}

async fn sight_of(app: &App, headers: &HeaderMap) -> Result<Sight, Problem> {
    let mut sent = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (sent.next(), sent.next()) else { return Err(Problem::Unauthorized) };
    let (scheme, key) =
        value.to_str().ok().and_then(|text| text.split_once(' ')).unwrap_or_default();
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Problem::Unauthorized);
    }
    let digest = Plain::parse(key.trim()).ok_or(Problem::Unauthorized)?.digest();
    if let Some(sight) = app.keys.fresh(digest) {
        return Ok(sight);
    }
    let asked = Instant::now();
    let row = app.look.row(KEY_OF, &[digest.to_string().into()]).await?;
    let row = row.ok_or(Problem::Unauthorized)?;
    let scope = Scope::read(&row.text(1)?, row.opt_text(2)?.as_deref());
    let scope = Arc::new(scope.ok_or(Problem::Unauthorized)?);
    let sight = Sight { key: row.int(0)?, scope };
    app.keys.keep(digest, asked, sight.clone());
    Ok(sight)
}

/// Keys that were good a moment ago. A revoked key opens no longer than [`KnownKeys::FRESH`].
#[derive(Debug, Clone, Default)]
pub(super) struct KnownKeys(Arc<Mutex<HashMap<Digest, (Instant, Sight)>>>);

impl KnownKeys {
    const FRESH: Duration = Duration::from_secs(2);
    const COUNT_MAX: usize = 10_000;

    fn fresh(&self, digest: Digest) -> Option<Sight> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (seen, sight) = known.get(&digest)?;
        (seen.elapsed() < Self::FRESH).then(|| sight.clone())
    }

    fn keep(&self, digest: Digest, asked: Instant, sight: Sight) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= Self::COUNT_MAX {
            known.retain(|_, (seen, _)| seen.elapsed() < Self::FRESH);
        }
        if known.len() < Self::COUNT_MAX {
            known.insert(digest, (asked, sight));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ident::Name;

    fn sight(scope: Scope) -> Sight {
        Sight { key: 1, scope: Arc::new(scope) }
    }

    #[test]
    fn a_key_sees_what_its_scope_says_and_no_more() {
        let name = |text| Name::parse(text).unwrap();
        let payee = sight(Scope::Payee(name("mei")));
        assert!(payee.sees_statements_of("mei") && !payee.sees_statements_of("north"));
        assert!(payee.lines_of("north").is_err());
        assert_eq!(payee.lines(), (LineSight::Whole, Some("mei")));

        let label = sight(Scope::Label(name("north")));
        assert!(label.sees_statements_of("north") && !label.sees_statements_of("mei"));
        assert_eq!(label.lines_of("north").ok(), Some(LineSight::Whole));
        assert_eq!(label.lines_of("mei").ok(), Some(LineSight::Party("north".into())));
        assert_eq!(label.lines(), (LineSight::Party("north".into()), None));

        assert!(TELLING.iter().all(Option::is_some));

        let all = sight(Scope::All);
        assert!(all.sees_statements_of("mei"));
        assert_eq!(all.lines(), (LineSight::Whole, None));
        assert_ne!(payee.mark(), sight(Scope::Label(name("mei"))).mark());
    }
}
