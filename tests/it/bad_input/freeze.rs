//! Sealed files and months that cannot be frozen.

use super::month::close_refused;
use super::{REVENUE, assert_says, draft, import_month, usage};

on_both! {
    fn a_sealed_file_that_was_changed_is_not_frozen(desk) {
        import_month(desk);
        let file = super::ledger::flip_a_byte(desk, "data/usage", ".parquet");
        let said = close_refused(desk);
        assert_says(&said, &file);
        assert_says(
            &said,
            "of batch usage.csv was changed: withdraw the batch and import its file",
        );
        desk.run(&["withdraw", "usage.csv"]).ok();
        desk.import("usage", "usage.csv", &usage(&["u1,x::A,3,", "u2,x::B,1,"])).ok();
        draft(desk, "2026-10");
    }
}

on_both! {
    fn a_damaged_file_of_sales_hides_nothing_else_that_stands_against_the_month(desk) {
        import_month(desk);
        let sale = format!("{}\n2026-10,shop,x::A,CN,download,1,1.00,CNY\n", super::SALES_HEADER);
        desk.import("sales", "sales.csv", &sale).ok();
        let file = super::ledger::flip_a_byte(desk, "data/sales", ".csv");
        desk.import("revenue", "radio.csv", &REVENUE.replace("cloud", "radio")).ok();
        desk.import("usage", "bad.csv", &usage(&["u2,x::A,-3,"]));
        let said = close_refused(desk);
        assert_says(&said, &file);
        assert_says(&said, "of batch sales.csv was changed: withdraw the batch");
        assert_says(&said, "revenue of 2026-10/radio/svip/CN has no [[pool]]");
        assert_says(&said, "1 rows that may be of this month stand in quarantine");
        std::fs::remove_file(&super::files(&desk.dir().join("data/sales"))[0]).unwrap();
        let said = close_refused(desk);
        assert_says(&said, "of batch sales.csv cannot be read");
        assert_says(&said, "revenue of 2026-10/radio/svip/CN has no [[pool]]");
    }
}

on_both! {
    fn sales_of_one_item_that_do_not_fit_together_are_named_before_the_freeze(desk) {
        import_month(desk);
        for (name, quantity) in [("one.csv", "9223372036854775807"), ("two.csv", "1")] {
            let sale = format!(
                "{}\n2026-10,shop,x::A,CN,download,{quantity},1.00,CNY\n",
                super::SALES_HEADER
            );
            desk.import("sales", name, &sale).ok();
        }
        let words = "shop's sales of x::A add up to more than can be held: correct a batch";
        assert_says(&close_refused(desk), words);
        desk.run(&["withdraw", "two.csv"]).ok();
        let much = format!("{}\n2026-10,shop,x::B,CN,download,1,9000000000000,CNY\n", super::SALES_HEADER);
        desk.import("sales", "three.csv", &much).ok();
        desk.import("sales", "four.csv", &much.replace(",1,9", ",2,9")).ok();
        assert_says(&close_refused(desk), "shop's sales of x::B add up to more than can be held");
    }
}

on_both! {
    fn a_month_before_a_published_one_is_refused_before_anything_else_is_looked_at(desk) {
        import_month(desk);
        desk.publish("2026-10");
        let said = desk.run(&["close", "2026-09", "--as", "anna"]).refused();
        assert_says(&said, "2026-09 cannot be closed after 2026-10, which is published");
    }
}

on_both! {
    fn a_resumed_close_takes_no_other_number_of_quarantined_rows(desk) {
        import_month(desk);
        desk.import("usage", "bad.csv", &usage(&["u2,x::A,-3,"]));
        let accept = |number| ["close", "2026-10", "--as", "anna", "--accept-quarantine", number];
        desk.run(&accept("1")).ok();
        desk.run(&accept("1")).ok();
        let said = desk.run(&accept("2")).refused();
        assert_says(&said, "2026-10 was frozen with 1 quarantined rows left out, not 2: deny it");
    }
}
