//! Memory of bodies that are read, to read others into.
//!
//! **Invariants**: memory is used again only if nothing refers to it any more. Each thread keeps at most
//! [`SPARES_MAX`] pieces of at most [`SPARE_BYTES_MAX`] bytes. **Why so**: a body has megabytes, and memory of
//! that size goes back to the system when it is freed. The kernel then clears every page once more: a
//! quarter of a run over many small files.

use std::cell::RefCell;

use arrow::buffer::{Buffer, MutableBuffer};

/// Pieces that a thread keeps: one may still be referred to by the rows of the last batch.
const SPARES_MAX: usize = 2;
/// The largest piece that is kept.
const SPARE_BYTES_MAX: usize = 1 << 24;

thread_local! {
    /// The pieces of a thread, the oldest first.
    static SPARES: RefCell<Vec<Buffer>> = const { RefCell::new(Vec::new()) };
}

/// Memory of so many bytes, whatever they hold; nothing if there is none.
pub(super) fn allocated(bytes: usize) -> Option<MutableBuffer> {
    let (mut found, mut kept) = (None, Vec::with_capacity(SPARES_MAX));
    for spare in SPARES.take() {
        match spare.into_mutable() {
            Ok(free) if found.is_none() && bytes <= free.capacity() => found = Some(free),
            Ok(free) => kept.push(free.into()),
            Err(used) => kept.push(used),
        }
    }
    SPARES.replace(kept);
    match found {
        Some(mut free) => {
            free.resize(bytes, 0);
            Some(free)
        }
        // Lazily zero: pages of columns that nobody wants take no memory.
        None => MutableBuffer::try_from_len_zeroed(bytes).ok(),
    }
}

/// Keeps memory to be used again.
pub(super) fn keep(body: Buffer) {
    if body.len() > SPARE_BYTES_MAX {
        return;
    }
    SPARES.with_borrow_mut(|spares| {
        if spares.len() == SPARES_MAX {
            spares.remove(0);
        }
        spares.push(body);
    });
}
