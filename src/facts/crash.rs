//! Places where a test can kill an import, as it can a close. In a release build there are none.

/// Ends the process at once, as a power cut would, if `TANTIEME_CRASH_AT` names this place.
#[cfg(debug_assertions)]
pub(super) fn point(place: &str) {
    if std::env::var("TANTIEME_CRASH_AT").is_ok_and(|at| at == place) {
        std::process::abort();
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
pub(super) const fn point(_: &str) {}
