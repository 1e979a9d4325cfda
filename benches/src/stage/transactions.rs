//! How many transactions a MongoDB server has committed and aborted.

/// The numbers of transactions that a MongoDB server has ended since its start (`serverStatus`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Transactions {
    pub(crate) committed: u64,
    pub(crate) aborted: u64,
}

impl Transactions {
    /// The transactions that the server aborted between two moments, for each one that it committed. `None` if the server
    /// does not tell, or committed none.
    pub(crate) fn aborted_between(then: Option<Self>, now: Option<Self>) -> Option<f64> {
        let (then, now) = (then?, now?);
        let committed = now.committed.checked_sub(then.committed).filter(|committed| *committed > 0)?;
        Some(now.aborted.saturating_sub(then.aborted) as f64 / committed as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aborted_transactions_are_told_for_each_committed_one_if_there_were_any() {
        let read = |(committed, aborted)| Some(Transactions { committed, aborted });
        assert_eq!(Transactions::aborted_between(read((10, 5)), read((30, 8))), Some(0.15));
        assert_eq!(Transactions::aborted_between(read((10, 5)), read((10, 9))), None);
        assert_eq!(Transactions::aborted_between(None, read((10, 5))), None);
    }
}
