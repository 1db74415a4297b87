//! Both directions of a list in memory, which is what every list does in its database.

use super::*;

const BY_NUMBER: Sort = Sort::of("number");

fn ask(limit: u32) -> Ask {
    Ask::first("numbers", Limit::try_from(limit).unwrap())
}

fn page(all: &[u32], ask: Ask, cursor: Option<&String>) -> Page<u32> {
    let ask = ask.at(cursor.cloned());
    ask.of_all(all.iter().copied(), BY_NUMBER, |n| *n).unwrap()
}

#[test]
fn pages_lead_to_the_end_and_back_over_every_row_once() {
    let all: Vec<u32> = (1..=7).collect();
    for (sort, sorted) in [
        (None, all.clone()),
        (Some(Sort::of("-number")), all.iter().rev().copied().collect()),
    ] {
        let ask = Ask { sort, ..ask(3) };
        let first = page(&all, ask.clone(), None);
        let second = page(&all, ask.clone(), first.next_cursor.as_ref());
        let third = page(&all, ask.clone(), second.next_cursor.as_ref());
        let seen = [&first, &second, &third].map(|page| page.items.clone()).concat();
        assert_eq!(seen, sorted);
        assert_eq!(
            (first.prev_cursor.as_ref(), third.next_cursor.as_ref()),
            (None, None)
        );
        let back = page(&all, ask.clone(), third.prev_cursor.as_ref());
        assert_eq!(back.items, second.items);
        let front = page(&all, ask.clone(), back.prev_cursor.as_ref());
        assert_eq!((&front.items, front.prev_cursor.as_ref()), (&first.items, None));
        assert_eq!(page(&all, ask, front.next_cursor.as_ref()).items, second.items);
    }
}

#[test]
fn what_comes_in_between_shifts_nothing() {
    let first = page(&[10, 20, 30, 40], ask(2), None);
    let more = [5, 10, 15, 20, 25, 30, 40];
    let next = page(&more, ask(2), first.next_cursor.as_ref());
    assert_eq!(next.items, [25, 30]);
    let back = page(&more, ask(2), next.prev_cursor.as_ref());
    assert_eq!(back.items, [15, 20], "in the order of the list");
    assert_eq!(page(&more, ask(2), back.prev_cursor.as_ref()).items, [5, 10]);
}

#[test]
fn a_cursor_of_other_filters_is_refused() {
    let cursor = page(&[1, 2, 3], ask(2), None).next_cursor;
    let other = Ask::first("numbers?even=true", Limit::DEFAULT).at(cursor);
    assert_eq!(other.of_all([1_u32], BY_NUMBER, |n| *n), Err(InvalidCursor));
}

#[test]
fn a_cursor_of_another_order_or_view_is_refused_whoever_decided_it() {
    let all = [1_u32, 2, 3];
    let list = |owner: Option<&str>, order: &'static str, cursor: Option<&String>| {
        let ask = ask(2).of_owner(owner).at(cursor.cloned());
        ask.of_all(all, Sort::of(order), |n| *n)
    };
    let cursor = list(None, "number", None).unwrap().next_cursor;
    assert!(list(None, "number", cursor.as_ref()).is_ok());
    for (owner, order) in [(None, "-number"), (None, "name"), (Some("a"), "number")] {
        assert_eq!(
            list(owner, order, cursor.as_ref()),
            Err(InvalidCursor),
            "{owner:?} {order}"
        );
    }
    let own = list(Some("a"), "number", None).unwrap().next_cursor;
    assert!(list(Some("a"), "number", own.as_ref()).is_ok());
    assert_eq!(list(Some("b"), "number", own.as_ref()), Err(InvalidCursor));
}

#[test]
fn a_list_without_rows_is_counted_too() {
    let counting = Counting::Exact;
    let none = page(&[], Ask { counting, ..ask(2) }, None);
    let count = none.count.unwrap();
    assert_eq!((count.rows, count.precision), (0, Precision::Exact));
}

#[test]
fn a_count_is_made_where_it_is_asked_for() {
    assert_eq!(page(&[1, 2, 3], ask(2), None).count, None);
    let counting = Counting::Exact;
    let counted = page(&[1, 2, 3], Ask { counting, ..ask(2) }, None).count.unwrap();
    assert_eq!((counted.rows, counted.precision), (3, Precision::Exact));
}

#[test]
fn a_count_that_was_cut_off_says_so() {
    assert_eq!(Count::up_to(10, 10).precision, Precision::Exact);
    let cut = Count::up_to(10, 11);
    assert_eq!((cut.rows, cut.precision), (10, Precision::AtLeast));
}

#[test]
fn limits_are_bounded() {
    assert_eq!(
        Limit::try_from(0).unwrap_err().to_string(),
        "limit is 0; it must be from 1 to 500"
    );
    assert!(Limit::try_from(501).is_err());
    assert_eq!(Limit::LARGEST.fetch(), 501);
    assert!(serde_json::from_str::<Limit>("501").is_err());
}

#[test]
fn a_minus_sorts_down() {
    assert_eq!(
        Sort::of("-name"),
        Sort {
            column: "name",
            descending: true
        }
    );
    assert!(!Sort::of("name").descending);
}
