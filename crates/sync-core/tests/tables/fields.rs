//! Table F over its whole domain, against an oracle that is the table as data, and R83-R91 by name.

use sync_core::config::{BlankRule, Direction, FieldEntry, SyncBehaviour};
use sync_core::decision::Outcome;
use sync_core::merge::{FieldBase, FieldState, FieldVerdict, Newer, decide_field};
use sync_core::testing::{World, at, config, field, lead, linked, prospect, text};
use sync_core::trace::Winner;
use sync_core::value::{FieldName, FieldValue};

use BlankRule::{BlankIsValue, SalesforceBlankWins, ValueWins};
use SyncBehaviour::{MostRecentRecord, UseAccountEngagement, UseSalesforce};

const BEHAVIOURS: [SyncBehaviour; 3] = [UseSalesforce, UseAccountEngagement, MostRecentRecord];
const BLANK_RULES: [BlankRule; 3] = [ValueWins, SalesforceBlankWins, BlankIsValue];
const NEWER: [Newer; 3] = [Newer::Salesforce, Newer::AccountEngagement, Newer::Tie];
const DIRECTIONS: [Direction; 3] = [
    Direction::Both,
    Direction::ToSalesforce,
    Direction::ToProspect,
];
const DOMAIN: [&str; 3] = ["", "x", "y"];

/// Table F without a base. `=` no-op, `S` Salesforce's value to the prospect, `A` the other way.
///
/// The columns of the specification: use SF; use SF with the blank flag; use AE; most recent record
/// with Salesforce newer, Account Engagement newer, and a tie (R87). The last group is our own rule
/// that a blank is a value: there F3 and F4 read like F2 once there is a base, and like R83 before.
struct Row {
    name: &'static str,
    account_engagement: &'static str,
    salesforce: &'static str,
    use_salesforce: char,
    use_salesforce_with_flag: char,
    use_account_engagement: char,
    most_recent: [char; 3],
    blank_is_value: [char; 5],
}

#[rustfmt::skip]
const TABLE_F: [Row; 9] = [
    Row { name: "F1", account_engagement: "x", salesforce: "x", use_salesforce: '=', use_salesforce_with_flag: '=', use_account_engagement: '=', most_recent: ['=', '=', '='], blank_is_value: ['=', '=', '=', '=', '='] },
    Row { name: "F1", account_engagement: "y", salesforce: "y", use_salesforce: '=', use_salesforce_with_flag: '=', use_account_engagement: '=', most_recent: ['=', '=', '='], blank_is_value: ['=', '=', '=', '=', '='] },
    Row { name: "F2", account_engagement: "x", salesforce: "y", use_salesforce: 'S', use_salesforce_with_flag: 'S', use_account_engagement: 'A', most_recent: ['S', 'A', 'S'], blank_is_value: ['S', 'A', 'S', 'A', 'S'] },
    Row { name: "F2", account_engagement: "y", salesforce: "x", use_salesforce: 'S', use_salesforce_with_flag: 'S', use_account_engagement: 'A', most_recent: ['S', 'A', 'S'], blank_is_value: ['S', 'A', 'S', 'A', 'S'] },
    Row { name: "F3", account_engagement: "x", salesforce: "",  use_salesforce: 'A', use_salesforce_with_flag: 'S', use_account_engagement: 'A', most_recent: ['A', 'A', 'A'], blank_is_value: ['S', 'A', 'S', 'A', 'S'] },
    Row { name: "F3", account_engagement: "y", salesforce: "",  use_salesforce: 'A', use_salesforce_with_flag: 'S', use_account_engagement: 'A', most_recent: ['A', 'A', 'A'], blank_is_value: ['S', 'A', 'S', 'A', 'S'] },
    Row { name: "F4", account_engagement: "",  salesforce: "x", use_salesforce: 'S', use_salesforce_with_flag: 'S', use_account_engagement: 'S', most_recent: ['S', 'S', 'S'], blank_is_value: ['S', 'A', 'S', 'A', 'S'] },
    Row { name: "F4", account_engagement: "",  salesforce: "y", use_salesforce: 'S', use_salesforce_with_flag: 'S', use_account_engagement: 'S', most_recent: ['S', 'S', 'S'], blank_is_value: ['S', 'A', 'S', 'A', 'S'] },
    Row { name: "F5", account_engagement: "",  salesforce: "",  use_salesforce: '=', use_salesforce_with_flag: '=', use_account_engagement: '=', most_recent: ['=', '=', '='], blank_is_value: ['=', '=', '=', '=', '='] },
];

fn row(account_engagement: &str, salesforce: &str) -> &'static Row {
    TABLE_F
        .iter()
        .find(|row| row.account_engagement == account_engagement && row.salesforce == salesforce)
        .unwrap()
}

impl Row {
    fn cell(&self, behaviour: SyncBehaviour, blanks: BlankRule, newer: Newer) -> char {
        let recency = match newer {
            Newer::Salesforce => 0,
            Newer::AccountEngagement => 1,
            Newer::Tie => 2,
        };
        match (behaviour, blanks) {
            (UseSalesforce, ValueWins) => self.use_salesforce,
            (UseSalesforce, SalesforceBlankWins) => self.use_salesforce_with_flag,
            (UseAccountEngagement, ValueWins | SalesforceBlankWins) => self.use_account_engagement,
            (MostRecentRecord, ValueWins | SalesforceBlankWins) => self.most_recent[recency],
            (UseSalesforce, BlankIsValue) => self.blank_is_value[0],
            (UseAccountEngagement, BlankIsValue) => self.blank_is_value[1],
            (MostRecentRecord, BlankIsValue) => self.blank_is_value[2 + recency],
        }
    }

    /// Whether R83 decides the row whatever else is configured: a value against a blank that does
    /// not count.
    fn is_value_against_blank(&self, case: Case) -> bool {
        match (self.name, case.blanks) {
            ("F3" | "F4", ValueWins) | ("F4", SalesforceBlankWins) => true,
            ("F3", SalesforceBlankWins) => case.behaviour != UseSalesforce,
            ("F3" | "F4", BlankIsValue) => case.base.is_none(),
            _ => false,
        }
    }

    /// The cell of a case; R83 reads like "use SF" in every column.
    fn cell_of(&self, case: Case) -> char {
        if case.blanks == BlankIsValue && self.is_value_against_blank(case) {
            self.use_salesforce
        } else {
            self.cell(case.behaviour, case.blanks, case.newer)
        }
    }
}

/// One point of the domain.
#[derive(Debug, Clone, Copy)]
struct Case {
    account_engagement: &'static str,
    salesforce: &'static str,
    base: Option<&'static str>,
    behaviour: SyncBehaviour,
    blanks: BlankRule,
    newer: Newer,
    direction: Direction,
}

/// What the specification says: the table, with the base (R90) and one-way fields laid over it.
fn oracle(case: Case) -> char {
    let row = row(case.account_engagement, case.salesforce);
    let cell = row.cell_of(case);
    if cell == '=' {
        return '=';
    }
    let one_way = match case.direction {
        Direction::Both => None,
        Direction::ToSalesforce => Some('A'),
        Direction::ToProspect => Some('S'),
    };
    if row.is_value_against_blank(case) {
        return if one_way.is_none_or(|way| way == cell) {
            cell
        } else {
            '!'
        };
    }
    if let Some(way) = one_way {
        return way;
    }
    let account_engagement_changed = case
        .base
        .is_some_and(|base| base != case.account_engagement);
    let salesforce_changed = case.base.is_some_and(|base| base != case.salesforce);
    match (case.base, account_engagement_changed, salesforce_changed) {
        (Some(_), true, false) => 'A',
        (Some(_), false, true) => 'S',
        _ => cell,
    }
}

fn decided(case: Case) -> FieldVerdict {
    let entry = FieldEntry {
        behaviour: case.behaviour,
        blanks: case.blanks,
        direction: case.direction,
        ..field("f", "F")
    };
    let base = case.base.map(text);
    decide_field(
        &entry,
        case.direction,
        FieldState {
            account_engagement: &text(case.account_engagement),
            salesforce: &text(case.salesforce),
            base: FieldBase::agreed(base.as_ref()),
            newer: case.newer,
        },
    )
}

fn letter(winner: Winner) -> char {
    match winner {
        Winner::Same => '=',
        Winner::Salesforce => 'S',
        Winner::AccountEngagement => 'A',
        Winner::Neither => '!',
    }
}

fn every_case() -> Vec<Case> {
    let mut cases = Vec::new();
    for account_engagement in DOMAIN {
        for salesforce in DOMAIN {
            for base in [None, Some(""), Some("x"), Some("y")] {
                for behaviour in BEHAVIOURS {
                    for blanks in BLANK_RULES {
                        for newer in NEWER {
                            for direction in DIRECTIONS {
                                cases.push(Case {
                                    account_engagement,
                                    salesforce,
                                    base,
                                    behaviour,
                                    blanks,
                                    newer,
                                    direction,
                                });
                            }
                        }
                    }
                }
            }
        }
    }
    cases
}

#[test]
fn table_f_holds_over_the_whole_domain() {
    let cases = every_case();
    assert_eq!(cases.len(), 3 * 3 * 4 * 3 * 3 * 3 * 3);
    let wrong: Vec<String> = cases
        .into_iter()
        .filter(|case| letter(decided(*case).winner) != oracle(*case))
        .map(|case| {
            format!(
                "{case:?}: expected {}, got {:?}",
                oracle(case),
                decided(case)
            )
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} cells differ, the first: {}",
        wrong.len(),
        wrong[0]
    );
}

#[test]
fn a_conflict_is_exactly_an_overruled_edit() {
    for case in every_case() {
        let verdict = decided(case);
        let loser = match verdict.winner {
            Winner::Salesforce => case.account_engagement,
            Winner::AccountEngagement => case.salesforce,
            Winner::Same | Winner::Neither => {
                assert!(!verdict.conflict, "{case:?}");
                continue;
            }
        };
        let somebody_entered_it = case.base.map_or(!loser.is_empty(), |base| base != loser);
        let expected = case.direction == Direction::Both && somebody_entered_it;
        assert_eq!(verdict.conflict, expected, "{case:?}");
    }
}

const PLAIN: Case = Case {
    account_engagement: "x",
    salesforce: "y",
    base: None,
    behaviour: UseSalesforce,
    blanks: ValueWins,
    newer: Newer::Tie,
    direction: Direction::Both,
};

fn assert_decided(case: Case, rule: &str, winner: Winner) {
    let verdict = decided(case);
    assert_eq!((verdict.rule, verdict.winner), (rule, winner), "{case:?}");
}

#[test]
fn f1_equal_values_are_a_no_op() {
    assert_decided(
        Case {
            salesforce: "x",
            ..PLAIN
        },
        "F1",
        Winner::Same,
    );
}

#[test]
fn f2_two_values_are_decided_by_the_behaviour() {
    assert_decided(PLAIN, "F2", Winner::Salesforce);
    let use_ae = Case {
        behaviour: UseAccountEngagement,
        ..PLAIN
    };
    assert_decided(use_ae, "F2", Winner::AccountEngagement);
    let recent = Case {
        behaviour: MostRecentRecord,
        newer: Newer::AccountEngagement,
        ..PLAIN
    };
    assert_decided(recent, "F2", Winner::AccountEngagement);
    let recent = Case {
        newer: Newer::Salesforce,
        ..recent
    };
    assert_decided(recent, "F2", Winner::Salesforce);
}

#[test]
fn f3_the_prospects_value_fills_a_salesforce_blank() {
    let newer = Newer::Salesforce;
    for behaviour in BEHAVIOURS {
        let case = Case {
            salesforce: "",
            behaviour,
            newer,
            ..PLAIN
        };
        assert_decided(case, "F3", Winner::AccountEngagement);
    }
}

#[test]
fn f4_salesforces_value_fills_a_blank_prospect() {
    let newer = Newer::AccountEngagement;
    for behaviour in BEHAVIOURS {
        let case = Case {
            account_engagement: "",
            behaviour,
            newer,
            ..PLAIN
        };
        assert_decided(case, "F4", Winner::Salesforce);
    }
}

#[test]
fn f5_two_blanks_are_a_no_op() {
    let case = Case {
        account_engagement: "",
        salesforce: "",
        ..PLAIN
    };
    assert_decided(case, "F5", Winner::Same);
}

#[test]
fn r83_a_cleared_field_is_filled_again_even_when_the_base_tells_who_cleared_it() {
    let cleared = Case {
        salesforce: "",
        base: Some("x"),
        ..PLAIN
    };
    assert_decided(cleared, "F3", Winner::AccountEngagement);
    let cleared = Case {
        account_engagement: "",
        base: Some("y"),
        ..PLAIN
    };
    assert_decided(cleared, "F4", Winner::Salesforce);
}

#[test]
fn r84_with_the_flag_a_salesforce_blank_clears_the_prospect_under_use_salesforce_only() {
    let flagged = Case {
        salesforce: "",
        blanks: SalesforceBlankWins,
        ..PLAIN
    };
    assert_decided(flagged, "R84", Winner::Salesforce);
    for behaviour in [UseAccountEngagement, MostRecentRecord] {
        let other = Case {
            behaviour,
            newer: Newer::Salesforce,
            ..flagged
        };
        assert_decided(other, "F3", Winner::AccountEngagement);
    }
    let prospect_is_blank = Case {
        account_engagement: "",
        salesforce: "y",
        ..flagged
    };
    assert_decided(prospect_is_blank, "F4", Winner::Salesforce);
}

fn opted_out() -> FieldEntry {
    FieldEntry {
        opt_out: true,
        ..field("optedOut", "HasOptedOutOfEmail")
    }
}

fn booleans(
    entry: &FieldEntry,
    account_engagement: bool,
    salesforce: bool,
    base: Option<&FieldValue>,
) -> FieldVerdict {
    let account_engagement = FieldValue::Boolean(account_engagement);
    let salesforce = FieldValue::Boolean(salesforce);
    let state = FieldState {
        account_engagement: &account_engagement,
        salesforce: &salesforce,
        base: FieldBase::agreed(base),
        newer: Newer::Tie,
    };
    decide_field(entry, Direction::Both, state)
}

#[test]
fn r85_false_is_a_value_and_no_blank() {
    let entry = field("flag", "Flag");
    assert_eq!(
        booleans(&entry, true, false, None).winner,
        Winner::Salesforce
    );
    let entry = FieldEntry {
        behaviour: UseAccountEngagement,
        ..entry
    };
    assert_eq!(
        booleans(&entry, false, true, None).winner,
        Winner::AccountEngagement
    );
}

#[test]
fn r87_on_equal_stamps_salesforce_wins() {
    let tie = Case {
        behaviour: MostRecentRecord,
        ..PLAIN
    };
    assert_decided(tie, "R87", Winner::Salesforce);
}

/// The rule and the winner of `firstName` under *most recent record*.
fn by_recency(modified_ms: i64, updated_ms: i64) -> (String, Winner) {
    let entry = FieldEntry {
        behaviour: MostRecentRecord,
        ..field("firstName", "FirstName")
    };
    let world = World::new(config().mapping(vec![entry]));
    let ms = |ms| at(0) + jiff::SignedDuration::from_millis(ms);
    let crm = lead(1).value("firstName", "Ann").modified(ms(modified_ms));
    let pair = linked(
        crm,
        prospect(1)
            .value("firstName", "Anna")
            .updated(ms(updated_ms)),
    );
    let decision = world.decide(&pair);
    let field = &decision.trace.fields[0];
    (field.rule.to_string(), field.winner)
}

#[test]
fn r86_r88_stamps_are_compared_at_whole_seconds() {
    assert_eq!(by_recency(100, 900), ("R87".to_owned(), Winner::Salesforce));
    assert_eq!(
        by_recency(999, 1_000),
        ("F2".to_owned(), Winner::AccountEngagement)
    );
    assert_eq!(
        by_recency(2_000, 1_999),
        ("F2".to_owned(), Winner::Salesforce)
    );
}

#[test]
fn r90_the_only_side_that_changed_wins_against_every_behaviour() {
    for behaviour in BEHAVIOURS {
        for newer in NEWER {
            let changed_in_ae = Case {
                base: Some("y"),
                behaviour,
                newer,
                ..PLAIN
            };
            assert_decided(changed_in_ae, "R90", Winner::AccountEngagement);
            let changed_in_sf = Case {
                base: Some("x"),
                behaviour,
                newer,
                ..PLAIN
            };
            assert_decided(changed_in_sf, "R90", Winner::Salesforce);
        }
    }
}

#[test]
fn r90_is_no_conflict_and_both_changed_is_one() {
    let only_ae = Case {
        base: Some("y"),
        ..PLAIN
    };
    assert!(!decided(only_ae).conflict);
    let both = Case {
        base: Some(""),
        ..PLAIN
    };
    assert!(decided(both).conflict);
    assert_decided(both, "F2", Winner::Salesforce);
}

#[test]
fn r90_with_blank_is_value_a_cleared_field_is_cleared_on_the_other_side() {
    let cleared = Case {
        salesforce: "",
        base: Some("x"),
        blanks: BlankIsValue,
        ..PLAIN
    };
    assert_decided(cleared, "R90", Winner::Salesforce);
    let cleared = Case {
        account_engagement: "",
        base: Some("y"),
        blanks: BlankIsValue,
        ..PLAIN
    };
    assert_decided(cleared, "R90", Winner::AccountEngagement);
}

/// A partner was entered by hand while a create was open: nothing is known of it, but what the record held is.
#[test]
fn r90_a_field_that_was_cleared_before_the_partner_was_known_loses_as_a_conflict() {
    let [held, entered, blank] = [text("CEO"), text("CTO"), FieldValue::Blank];
    let entry = FieldEntry {
        behaviour: UseAccountEngagement,
        blanks: BlankIsValue,
        ..field("jobTitle", "Title")
    };
    let loses = |in_salesforce: &FieldValue| {
        let base = FieldBase {
            salesforce: Some(&held),
            ..FieldBase::default()
        };
        let state = FieldState {
            account_engagement: &entered,
            salesforce: in_salesforce,
            base,
            newer: Newer::Tie,
        };
        decide_field(&entry, Direction::Both, state)
    };
    assert_eq!(loses(&blank).winner, Winner::AccountEngagement);
    assert!(loses(&blank).conflict);
    assert!(loses(&held).conflict);
}

#[test]
fn r91_without_a_base_an_opt_out_wins_on_either_side_and_under_every_behaviour() {
    for behaviour in BEHAVIOURS {
        let entry = FieldEntry {
            behaviour,
            ..opted_out()
        };
        let in_sf = booleans(&entry, false, true, None);
        assert_eq!((in_sf.rule, in_sf.winner), ("R91", Winner::Salesforce));
        let in_ae = booleans(&entry, true, false, None);
        assert_eq!(
            (in_ae.rule, in_ae.winner),
            ("R91", Winner::AccountEngagement)
        );
    }
}

#[test]
fn r91_a_base_that_does_not_tell_is_ambiguous_too() {
    for behaviour in BEHAVIOURS {
        let entry = FieldEntry {
            behaviour,
            ..opted_out()
        };
        let in_ae = booleans(&entry, true, false, Some(&FieldValue::Blank));
        assert_eq!(
            (in_ae.rule, in_ae.winner),
            ("R91", Winner::AccountEngagement)
        );
    }
}

#[test]
fn r91_a_known_change_is_not_ambiguous_so_an_opt_in_travels() {
    let opted_in_again = booleans(&opted_out(), false, true, Some(&FieldValue::Boolean(true)));
    assert_eq!(
        (opted_in_again.rule, opted_in_again.winner),
        ("R90", Winner::AccountEngagement)
    );
}

#[test]
fn r91_other_booleans_follow_their_behaviour() {
    let entry = field("flag", "Flag");
    assert_eq!(booleans(&entry, true, false, None).rule, "F2");
}

#[test]
fn r93_one_way_fields_travel_one_way() {
    let score = Case {
        direction: Direction::ToSalesforce,
        ..PLAIN
    };
    assert_decided(score, "R93", Winner::AccountEngagement);
    let company = Case {
        behaviour: UseAccountEngagement,
        ..PLAIN
    };
    let company = Case {
        direction: Direction::ToProspect,
        ..company
    };
    assert_decided(company, "R93", Winner::Salesforce);
    let blank_score = Case {
        account_engagement: "",
        ..score
    };
    assert_decided(blank_score, "F4", Winner::Neither);
}

#[test]
fn r93_a_parents_field_is_never_written() {
    let pair = linked(
        sync_core::testing::contact(1).value("company", "Acme"),
        prospect(1).value("company", "Beta"),
    );
    let Outcome::Update {
        to_crm,
        to_prospect,
        ..
    } = World::new(config()).decide(&pair).outcome
    else {
        panic!("expected an update");
    };
    assert!(to_crm.fields.is_empty());
    assert_eq!(to_prospect.fields.get("company"), Some(&text("Acme")));
}

#[test]
fn a_field_that_the_object_does_not_have_is_left_alone() {
    let entry = FieldEntry {
        contact: None,
        ..field("industry", "Industry")
    };
    let world = World::new(config().mapping(vec![entry]));
    let pair = linked(
        sync_core::testing::contact(1),
        prospect(1).value("industry", "Steel"),
    );
    let decision = world.decide(&pair);
    assert!(decision.trace.fields.is_empty());
    assert!(!decision.merged.contains_key(&FieldName::from("industry")));
}
