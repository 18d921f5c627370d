//! The judge of waits (`graph`): small pools whose tasks wait for each other. Every deadlock is reported, exactly
//! once, when it closes, and nothing else ever is; what is not reported must end.

use super::waits::{inline, judged, late, pool, task, All, Any, Case, Firm, Rule, BY_HAND_TASK, RIGHT};
use super::{holds, refuted};

const CYCLE_OF_TWO: Case = pool(2, &[inline(&[(All, &[1])]), inline(&[(All, &[0])])]);
const CYCLE_OF_THREE: Case = pool(3, &[inline(&[(All, &[1])]), inline(&[(All, &[2])]), inline(&[(All, &[0])])]);
const CHAIN: Case = pool(2, &[inline(&[(All, &[1]), (All, &[2])]), inline(&[(All, &[2])]), inline(&[])]);
/// 0 waits for 2, which is queued; 1 waits for 0: both workers are blocked, and the second one's future is not pending.
const STARVED: Case = pool(2, &[task(&[(All, &[2])]), task(&[(All, &[0])]), task(&[])]);
/// 0 waits for 2, which is queued; 1 waits for 3, which a thread outside ends: all workers are blocked, none for ever.
const BUSY: Case =
    Case { outside: Some(3), ..pool(2, &[task(&[(All, &[2])]), task(&[(All, &[3])]), task(&[]), task(&[])]) };
/// 0 waits for 1 or 2, 1 for 0 or 2, 2 for 0 or 1.
const KNOT: Case = pool(3, &[task(&[(Any, &[1, 2])]), task(&[(Any, &[0, 2])]), task(&[(Any, &[0, 1])])]);
/// 0 waits for all of 2, which a thread outside ends, and 1, which waits for 0.
const ALL_WITH_A_CYCLE: Case =
    Case { outside: Some(2), ..pool(2, &[task(&[(All, &[2, 1])]), task(&[(All, &[0])]), task(&[])]) };
/// As before, but 1 waits for 2.
const ALL_WITHOUT: Case =
    Case { outside: Some(2), ..pool(2, &[task(&[(All, &[2, 1])]), task(&[(All, &[2])]), task(&[])]) };
/// 0 waits for any of 2, which is queued, while there is a worker for that; then the worker waits for 0.
const RELIED_ON: Case = pool(2, &[task(&[(Any, &[2])]), task(&[(All, &[0])]), inline(&[])]);
/// The one worker waits for one that is completed by hand, some time, or for one that is queued.
const BY_HAND_OR_QUEUED: Case =
    Case { outside: Some(1), ..pool(1, &[task(&[(Any, &[1, 2])]), BY_HAND_TASK, inline(&[])]) };
/// 0 cannot give up: both that it waits for wait for it.
const FIRM: Case = pool(3, &[late(&[(Firm, &[1, 2])]), task(&[(All, &[0])]), task(&[(All, &[0])])]);
/// 0 cannot give up: 2, for which it waits, waits for it, and so does 1, for which nobody waits.
const FIRM_AND_A_BYSTANDER: Case = pool(3, &[late(&[(Firm, &[2])]), task(&[(All, &[0])]), task(&[(All, &[0])])]);
/// The one worker waits for what is queued, and counts on a second worker.
const COUNTS_ON_A_START: Case = Case { start_fails: true, ..pool(1, &[task(&[(All, &[1])]), task(&[])]) };

holds!(a_cycle_of_two, 3, || judged(RIGHT, CYCLE_OF_TWO, 1));
holds!(a_cycle_of_three, 1, || judged(RIGHT, CYCLE_OF_THREE, 1));
holds!(a_chain_is_none, 3, || judged(RIGHT, CHAIN, 0));
holds!(a_starved_pool, 3, || judged(RIGHT, STARVED, 1));
holds!(blocked_but_live, 2, || judged(RIGHT, BUSY, 0));
holds!(a_knot_of_any, 1, || judged(RIGHT, KNOT, 1));
holds!(all_counts_every_branch, 2, || judged(RIGHT, ALL_WITH_A_CYCLE, 1));
holds!(all_without_a_cycle, 1, || judged(RIGHT, ALL_WITHOUT, 0));
holds! {
    /// Who sleeps in a wait for ANY is stirred to run what it waits for, once somebody relies on it.
    a_waiter_that_is_relied_on_claims, 3, || judged(RIGHT, RELIED_ON, 0)
}
holds! {
    /// Nobody has to complete a future by hand: the waiter runs what is queued.
    by_hand_is_no_excuse, 3, || judged(RIGHT, BY_HAND_OR_QUEUED, 0)
}
holds! {
    /// In place of a wait that cannot give up, all those that it needs are told, and they only.
    a_firm_wait_dooms_those_it_needs, 1, || judged(RIGHT, FIRM, 2)
}
holds!(a_firm_wait_spares_a_bystander, 1, || judged(RIGHT, FIRM_AND_A_BYSTANDER, 1));
holds! {
    /// A wait that counted on a thread which cannot be started is told so.
    a_start_that_fails_is_judged_anew, 3, || judged(RIGHT, COUNTS_ON_A_START, 1)
}
refuted!(no_wait_withdrawn_before_the_sleep, 3, "deadlock;", || {
    judged(Rule { withdrawn_before_the_sleep: true, ..RIGHT }, CYCLE_OF_TWO, 1);
});
refuted! {
    /// A stir that comes between the publishing and the reading of the word is lost.
    no_word_read_after_publishing, 3, "deadlock;", || {
        judged(Rule { word_read_late: true, ..RIGHT }, RELIED_ON, 0);
    }
}
refuted!(no_reliance_without_a_stir, 3, "deadlock;", || {
    judged(Rule { nobody_stirs: true, ..RIGHT }, RELIED_ON, 0);
});
refuted! {
    /// "A worker of the pool is blocked" is no reason to report: the other goes on.
    no_starvation_by_a_blocked_worker, 2, "false or missing", || {
        judged(Rule { blocked_is_dead: true, ..RIGHT }, BUSY, 0);
    }
}
refuted! {
    /// Who merely waits for the deadlock's end would be told in place of who is part of it.
    no_doom_for_a_bystander, 1, "false or missing", || {
        judged(Rule { anyone_is_doomed: true, ..RIGHT }, FIRM_AND_A_BYSTANDER, 1);
    }
}
refuted!(no_failed_start_without_a_judgement, 3, "deadlock;", || {
    judged(Rule { not_judged_anew: true, ..RIGHT }, COUNTS_ON_A_START, 1);
});
