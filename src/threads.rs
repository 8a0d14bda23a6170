//! Work on several threads at once. A panic in one of them is a panic of the caller.

use std::thread::{ScopedJoinHandle, scope};

/// Runs the same work on so many threads; returns what each made of it.
pub(crate) fn on_threads<T: Send>(threads: usize, work: impl Fn() -> T + Sync) -> Vec<T> {
    scope(|scope| {
        let running: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(&work)).collect();
        running.into_iter().map(join).collect()
    })
}

/// Cuts a slice into as many parts as there are threads; returns what is made of each, in order.
pub(crate) fn in_parts<T: Sync, U: Send>(
    threads: usize,
    items: &[T],
    make: impl Fn(&[T]) -> U + Sync,
) -> Vec<U> {
    let make = &make;
    scope(|scope| {
        let parts = items.chunks(items.len().div_ceil(threads.max(1)).max(1));
        let running: Vec<_> = parts.map(|part| scope.spawn(move || make(part))).collect();
        running.into_iter().map(join).collect()
    })
}

/// Waits for a thread.
pub(crate) fn join<T>(thread: ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The parts as one, in order.
pub(crate) fn joined<T>(parts: Vec<Vec<T>>) -> Vec<T> {
    let length = parts.iter().map(Vec::len).sum::<usize>();
    let mut parts = parts.into_iter();
    let mut all = parts.next().unwrap_or_default();
    all.reserve_exact(length - all.len());
    parts.for_each(|mut part| all.append(&mut part));
    all
}

/// Runs work on each item, each on a thread of its own; returns what is made of them, in order.
pub(crate) fn of_each<T: Send, U: Send>(items: Vec<T>, make: impl Fn(T) -> U + Sync) -> Vec<U> {
    let make = &make;
    scope(|scope| {
        let running: Vec<_> =
            items.into_iter().map(|item| scope.spawn(move || make(item))).collect();
        running.into_iter().map(join).collect()
    })
}
