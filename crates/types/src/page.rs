//! Parts of long lists: which part is asked for, and the part itself.

/// Why a page cannot be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a page has 1 to {max} items", max = PageLimit::MAX)]
pub struct InvalidPageLimit;

/// How many items a page may have: 1 to [`PageLimit::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimit(u32);

impl PageLimit {
    /// The most items that a page may have.
    pub const MAX: u32 = 100;

    /// The limit as a number.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// The greatest limit.
impl Default for PageLimit {
    fn default() -> Self {
        Self(Self::MAX)
    }
}

impl TryFrom<u32> for PageLimit {
    type Error = InvalidPageLimit;

    fn try_from(limit: u32) -> Result<Self, InvalidPageLimit> {
        if (1..=Self::MAX).contains(&limit) { Ok(Self(limit)) } else { Err(InvalidPageLimit) }
    }
}

/// Where a page starts, in a list in order of ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageStart<Id> {
    /// At the first item.
    Beginning,
    /// At the first item whose id is greater than this one. Whoever goes on from page to page in this way meets each item once,
    /// also while others are added and removed.
    After(Id),
    /// At the item before which there are so many: what the page numbers of the previous system mean. Items that are added or
    /// removed meanwhile move the pages.
    Offset(u32),
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest<Id> {
    /// Where the page starts.
    pub start: PageStart<Id>,
    /// How many items it has at most.
    pub limit: PageLimit,
}

impl<Id> PageRequest<Id> {
    /// The first page.
    #[must_use]
    pub const fn first(limit: PageLimit) -> Self {
        Self { start: PageStart::Beginning, limit }
    }

    /// The page that goes on after the item of this id.
    #[must_use]
    pub const fn after(id: Id, limit: PageLimit) -> Self {
        Self { start: PageStart::After(id), limit }
    }

    /// The page before which there are `offset` items.
    #[must_use]
    pub const fn at(offset: u32, limit: PageLimit) -> Self {
        Self { start: PageStart::Offset(offset), limit }
    }
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T, Id> {
    /// The items, in order of their ids.
    pub items: Vec<T>,
    /// The id after which the list goes on; `None` at its end.
    pub next: Option<Id>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_at_least_one_item_and_at_most_a_hundred() {
        for (limit, is_valid) in [(0, false), (1, true), (100, true), (101, false), (u32::MAX, false)] {
            let parsed = PageLimit::try_from(limit);
            assert_eq!(parsed.map(PageLimit::get).ok(), is_valid.then_some(limit));
        }
        assert_eq!(PageLimit::try_from(0).unwrap_err().to_string(), "a page has 1 to 100 items");
        assert_eq!(PageLimit::default().get(), 100);
    }
}
