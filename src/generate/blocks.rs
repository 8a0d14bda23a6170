//! Work that is split over threads and handed on in its order.

use std::ops::Range;
use std::sync::mpsc::{Receiver, sync_channel};

/// Blocks that a thread may be ahead.
const AHEAD: usize = 2;

/// Makes a `T` of each block of `size` of the numbers below `count`, on `threads` threads, and
/// hands them to `take` in the order of blocks. Only a few blocks are in memory at once. Ends at
/// the first error of `take`.
pub(super) fn in_blocks<T: Send, E>(
    threads: usize,
    (count, size): (u32, u32),
    make: impl Fn(Range<u32>) -> T + Sync,
    mut take: impl FnMut(T) -> Result<(), E>,
) -> Result<(), E> {
    let (threads, make) = (threads.max(1), &make);
    let blocks = move |first: usize| {
        let starts = (0..count).step_by(size as usize).skip(first).step_by(threads);
        starts.map(move |start| start..start.saturating_add(size).min(count))
    };
    std::thread::scope(|scope| {
        let made: Vec<Receiver<T>> = (0..threads)
            .map(|first| {
                let (send, receive) = sync_channel(AHEAD);
                scope.spawn(move || {
                    for block in blocks(first) {
                        // Nobody takes any more after an error.
                        if send.send(make(block)).is_err() {
                            return;
                        }
                    }
                });
                receive
            })
            .collect();
        // The receivers are dropped before the threads are waited for: `made` is of this scope.
        for receiver in made.iter().cycle() {
            // A thread that has no block left has ended, and so has the work; one that has
            // panicked makes the scope panic.
            let Ok(block) = receiver.recv() else { return Ok(()) };
            take(block)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_in_their_order_whatever_the_threads() {
        for threads in [1, 2, 3, 7] {
            for count in [0, 1, 9, 10, 11, 95] {
                let mut numbers = Vec::new();
                let taken: Result<(), ()> =
                    in_blocks(threads, (count, 10), Vec::from_iter, |block| {
                        numbers.extend(block);
                        Ok(())
                    });
                assert_eq!(taken, Ok(()));
                assert!(numbers.iter().copied().eq(0..count), "{threads} threads");
            }
        }
    }

    #[test]
    fn an_error_ends_the_work() {
        let mut taken = 0;
        let done = in_blocks(
            3,
            (1_000_000, 1),
            |block| block.start,
            |block| {
                taken += 1;
                if block == 5 { Err("full") } else { Ok(()) }
            },
        );
        assert_eq!((done, taken), (Err("full"), 6));
    }
}
