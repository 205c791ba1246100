//! What was checked need not be so any more when one acts on it.

use selvedge::prelude::*;

selvedge::scenario!(check_then_act);

/// How many were sold, and how many are left.
type Sold = (usize, i32);

fn check_then_act() -> Scenario<Sold> {
    Scenario::new("One item is in stock and two customers want it. Is it ever sold twice?")
        .acceptable("sold once", |&sold| sold == (1, 0))
        .forbidden("sold twice", |&(sold, _)| sold > 1)
        .forbidden("in stock, and not sold", |_| true)
        .design(
            "check, then fetch_sub",
            shop(|stock| {
                let buys = stock.load(SeqCst) > 0;
                if buys {
                    stock.fetch_sub(1, SeqCst);
                }
                buys
            })
            .expect(Forbidden),
        )
        .design("fetch_sub, and look at what it was", shop_that_settles(|stock| stock.fetch_sub(1, Relaxed) > 0).expect(Safe))
        .design(
            "fetch_update",
            shop(|stock| {
                stock.fetch_update(Relaxed, Relaxed, |left| (left > 0).then(|| left - 1)).is_ok()
            })
            .expect(Safe),
        )
        .design(
            "checked and sold under two locks",
            locked(|stock| {
                let buys = stock.lock().is_ok_and(|stock| *stock > 0);
                if buys && let Ok(mut stock) = stock.lock() {
                    *stock -= 1;
                }
                buys
            })
            .expect(Forbidden),
        )
        .design(
            "checked and sold under one lock",
            locked(|stock| {
                let Ok(mut stock) = stock.lock() else { return false };
                let buys = *stock > 0;
                if buys {
                    *stock -= 1;
                }
                buys
            })
            .expect(Safe),
        )
        .in_practice(
            "check and act in one step: a read-modify-write that says whether it did, or one critical section around both. \
             Neither SeqCst nor a lock around each half helps: this is a race without a data race.",
        )
}

fn shop(buy: impl Fn(&AtomicI32) -> bool + Clone + Send + Sync + 'static) -> Design<AtomicI32, bool, Sold> {
    Design::new(|| AtomicI32::new(1))
        .actors(2, buy)
        .observe(|stock, bought| (bought.iter().filter(|bought| **bought).count(), stock.load(Relaxed)))
}

/// A stock that may be counted below nothing: a customer who finds nothing left buys nothing.
fn shop_that_settles(
    buy: impl Fn(&AtomicI32) -> bool + Clone + Send + Sync + 'static,
) -> Design<AtomicI32, bool, Sold> {
    Design::new(|| AtomicI32::new(1))
        .actors(2, buy)
        .observe(|stock, bought| (bought.iter().filter(|bought| **bought).count(), stock.load(Relaxed).max(0)))
}

fn locked(buy: impl Fn(&Mutex<i32>) -> bool + Clone + Send + Sync + 'static) -> Design<Mutex<i32>, bool, Sold> {
    Design::new(|| Mutex::new(1)).actors(2, buy).observe(|stock, bought| {
        let left = stock.lock().map_or(0, |stock| *stock);
        (bought.iter().filter(|bought| **bought).count(), left)
    })
}
