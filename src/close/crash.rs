//! Places where a test can kill the process, or hold it. In a release build there are none.

/// Ends the process at once, as a power cut would, if `TANTIEME_CRASH_AT` names this place; stays
/// here until it is killed if `TANTIEME_WAIT_AT` does.
#[cfg(debug_assertions)]
pub(super) fn point(place: &str) {
    let is_here = |variable| std::env::var(variable).is_ok_and(|at| at == place);
    if is_here("TANTIEME_CRASH_AT") {
        std::process::abort();
    }
    while is_here("TANTIEME_WAIT_AT") {
        std::thread::park();
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
pub(super) const fn point(_: &str) {}
