BEGIN TRANSACTION;
CREATE TABLE account (
        id TEXT PRIMARY KEY,
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        phone TEXT,
        currency TEXT NOT NULL,
        customer TEXT,
        status TEXT NOT NULL,
        cash_only BIGINT NOT NULL,
        dunning_stage BIGINT NOT NULL,
        loaded_credit_minor BIGINT NOT NULL,
        credit_minor BIGINT NOT NULL,
        dealer_class TEXT,
        credit_limit_minor BIGINT,
        loaded TEXT NOT NULL,
        change_number BIGINT NOT NULL
    , advance_minor BIGINT NOT NULL DEFAULT 0, loaded_advance_minor BIGINT NOT NULL DEFAULT 0, deposit_minor BIGINT NOT NULL DEFAULT 0, loaded_deposit_minor BIGINT NOT NULL DEFAULT 0, written_off_minor BIGINT NOT NULL DEFAULT 0, loaded_written_off_minor BIGINT NOT NULL DEFAULT 0);
INSERT INTO "account" VALUES('BA-1','subscriber','Holder of BA-1','+96550000001','KWD','C-1','active',0,0,0,0,NULL,NULL,'{"account":"BA-1","kind":"subscriber","name":"Holder of BA-1","phone":"+96550000001","currency":"KWD","customer":"C-1","status":"active","cash_only":false,"dunning_stage":0,"credit":"0.000"}',1,0,0,0,0,0,0);
INSERT INTO "account" VALUES('BA-2','subscriber','Holder of BA-2','+96550000001','EUR','C-1','active',1,2,150,150,NULL,NULL,'{"account":"BA-2","kind":"subscriber","name":"Holder of BA-2","phone":"+96550000001","currency":"EUR","customer":"C-1","status":"active","cash_only":true,"dunning_stage":2,"credit":"1.50"}',1,0,0,0,0,0,0);
INSERT INTO "account" VALUES('D-12','dealer','Gulf Mobile',NULL,'KWD',NULL,'active',0,0,0,0,'gold',500000,'{"kind":"dealer","account":"D-12","name":"Gulf Mobile","currency":"KWD","class":"gold","credit_limit":"500.000"}',1,0,0,0,0,0,0);
CREATE TABLE applied_payment (
        payment_id TEXT NOT NULL REFERENCES payment (id),
        item_no BIGINT NOT NULL,
        bill_id TEXT NOT NULL REFERENCES bill (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        PRIMARY KEY (payment_id, item_no)
    );
INSERT INTO "applied_payment" VALUES('01a1fd8c-70d0-7e9e-b870-a3187c0b8988',1,'CB-1',8000);
INSERT INTO "applied_payment" VALUES('01a1fd8c-78a0-7a7f-9dc2-2e37eaf05b74',1,'CB-2',4000);
CREATE TABLE applied_transfer (
        transfer_id TEXT NOT NULL REFERENCES suspense_transfer (id),
        bill_id TEXT NOT NULL REFERENCES bill (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        PRIMARY KEY (transfer_id, bill_id)
    );
CREATE TABLE approval_answer (
        id TEXT PRIMARY KEY,
        request_id TEXT NOT NULL REFERENCES approval_request (id),
        number BIGINT NOT NULL CHECK (number > 0),
        approved BIGINT NOT NULL CHECK (approved IN (0, 1)),
        person TEXT NOT NULL,
        terminal TEXT NOT NULL,
        reason TEXT,
        given_at TEXT NOT NULL,
        UNIQUE (request_id, number)
    );
CREATE TABLE approval_request (
        id TEXT PRIMARY KEY,
        terminal TEXT NOT NULL,
        body TEXT NOT NULL,
        asked_sha256 TEXT NOT NULL,
        asked_at TEXT NOT NULL,
        closed_at TEXT
    );
CREATE TABLE bank_receipt (
        payment_id TEXT PRIMARY KEY REFERENCES payment (id),
        dealer_id TEXT NOT NULL,
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        currency TEXT NOT NULL,
        state TEXT NOT NULL
    );
CREATE TABLE bill (
        id TEXT PRIMARY KEY,
        bill_no TEXT NOT NULL,
        account_id TEXT NOT NULL,
        state TEXT NOT NULL,
        currency TEXT NOT NULL,
        loaded_open_minor BIGINT NOT NULL,
        remaining_minor BIGINT NOT NULL,
        bill_date TEXT NOT NULL,
        due_date TEXT NOT NULL,
        last_update TEXT NOT NULL,
        body TEXT NOT NULL,
        change_number BIGINT NOT NULL
    );
INSERT INTO "bill" VALUES('CB-1','NCB-1','BA-1','partiallyPaid','KWD',41750,33750,'2026-11-01','2026-11-15','2026-11-21T10:00:03+00:00','{"id":"CB-1","billNo":"NCB-1","billDate":"2026-11-01T00:00:00Z","paymentDueDate":"2026-11-15T00:00:00Z","state":"sent","amountDue":{"unit":"KWD","value":41.750},"remainingAmount":{"unit":"KWD","value":41.750},"taxExcludedAmount":{"unit":"KWD","value":41.750},"taxIncludedAmount":{"unit":"KWD","value":41.750},"billingAccount":{"id":"BA-1","name":"Al-Salem Trading","@referredType":"BillingAccount"},"billDocument":[{"id":"doc-CB-1","@referredType":"Attachment"}],"billSummaryLine":[{"id":"L1","name":"Line L1","groupKind":"product","@type":"BillSummaryLine","taxExcludedAmount":{"unit":"KWD","value":41.750},"taxAmount":{"unit":"KWD","value":0.000},"taxIncludedAmount":{"unit":"KWD","value":41.750},"product":{"id":"P-L1","name":"Fibre 100"},"appliedCustomerBillingRate":[]},{"id":"L2","name":"Line L2","groupKind":"product","@type":"BillSummaryLine","taxExcludedAmount":{"unit":"KWD","value":40.000},"taxAmount":{"unit":"KWD","value":0.000},"taxIncludedAmount":{"unit":"KWD","value":40.000},"product":{"id":"P-L2","name":"Fibre 100"},"appliedCustomerBillingRate":[{"id":"R-1"}],"parentLine":{"id":"L1"}},{"id":"L3","name":"Line L3","groupKind":"product","@type":"BillSummaryLine","taxExcludedAmount":{"unit":"KWD","value":1.750},"taxAmount":{"unit":"KWD","value":0.000},"taxIncludedAmount":{"unit":"KWD","value":1.750},"product":{"id":"P-L3","name":"Fibre 100"},"appliedCustomerBillingRate":[{"id":"R-2"},{"id":"R-3"}],"parentLine":{"id":"L1"}}]}',2);
INSERT INTO "bill" VALUES('CB-2','NCB-2','BA-1','partiallyPaid','KWD',10000,6000,'2026-11-01','2026-11-15','2026-11-21T10:00:05+00:00','{"id":"CB-2","billNo":"NCB-2","billDate":"2026-11-01T00:00:00Z","paymentDueDate":"2026-11-15T00:00:00Z","state":"sent","amountDue":{"unit":"KWD","value":10.000},"remainingAmount":{"unit":"KWD","value":10.000},"taxExcludedAmount":{"unit":"KWD","value":10.000},"taxIncludedAmount":{"unit":"KWD","value":10.000},"billingAccount":{"id":"BA-1","name":"Al-Salem Trading","@referredType":"BillingAccount"},"billDocument":[{"id":"doc-CB-2","@referredType":"Attachment"}]}',3);
CREATE TABLE bill_write_off (
        payment_id TEXT NOT NULL REFERENCES payment (id),
        bill_id TEXT NOT NULL REFERENCES bill (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        PRIMARY KEY (payment_id, bill_id)
    );
CREATE TABLE central_schema (version BIGINT NOT NULL);
INSERT INTO "central_schema" VALUES(4);
CREATE TABLE change_counter (
        one BIGINT PRIMARY KEY CHECK (one = 1),
        value BIGINT NOT NULL
    );
INSERT INTO "change_counter" VALUES(1,3);
CREATE TABLE cheque (
        payment_id TEXT PRIMARY KEY REFERENCES payment (id),
        payment_event_id TEXT NOT NULL,
        identity TEXT NOT NULL,
        branch TEXT NOT NULL,
        account TEXT NOT NULL,
        dated TEXT NOT NULL,
        terminal TEXT,
        epoch BIGINT,
        held BIGINT NOT NULL,
        undone BIGINT NOT NULL DEFAULT 0,
        change_number BIGINT NOT NULL
    );
CREATE TABLE cleared_cheque (
        id TEXT PRIMARY KEY,
        correlator_id TEXT NOT NULL UNIQUE,
        payment_id TEXT NOT NULL REFERENCES payment (id),
        change_number BIGINT NOT NULL UNIQUE,
        terminal TEXT,
        cleared_at TEXT NOT NULL,
        received_at TEXT NOT NULL,
        received_sha256 TEXT NOT NULL
    );
CREATE TABLE clearing_leg (
        account_id TEXT NOT NULL,
        payment_event_id TEXT NOT NULL,
        correlator_id TEXT NOT NULL,
        PRIMARY KEY (account_id, payment_event_id, correlator_id)
    );
CREATE TABLE commission (
        id TEXT PRIMARY KEY,
        correlator_id TEXT NOT NULL UNIQUE,
        payment_id TEXT NOT NULL REFERENCES payment (id),
        account_id TEXT NOT NULL REFERENCES account (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        currency TEXT NOT NULL,
        change_number BIGINT NOT NULL UNIQUE,
        terminal TEXT,
        credited_at TEXT NOT NULL,
        received_at TEXT NOT NULL,
        received_sha256 TEXT NOT NULL
    );
CREATE TABLE credit_use (
        id TEXT PRIMARY KEY,
        account_id TEXT NOT NULL REFERENCES account (id),
        bill_id TEXT NOT NULL REFERENCES bill (id),
        kept_as TEXT NOT NULL CHECK (kept_as IN ('credit', 'advance')),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        change_number BIGINT NOT NULL
    );
CREATE TABLE dishonour (
        id TEXT PRIMARY KEY,
        correlator_id TEXT NOT NULL UNIQUE,
        payment_id TEXT NOT NULL REFERENCES payment (id),
        account_id TEXT,
        counts BIGINT NOT NULL CHECK (counts IN (0, 1)),
        cash_only_until TEXT,
        reason_code TEXT NOT NULL,
        bank_date TEXT NOT NULL,
        receipt_number TEXT,
        of_receipt TEXT,
        terminal TEXT,
        charge_id TEXT UNIQUE,
        charged_account TEXT,
        is_bill BIGINT NOT NULL CHECK (is_bill IN (0, 1)),
        charged_minor BIGINT NOT NULL CHECK (charged_minor >= 0),
        currency TEXT,
        off_minor BIGINT NOT NULL DEFAULT 0 CHECK (off_minor >= 0),
        credit_minor BIGINT NOT NULL DEFAULT 0 CHECK (credit_minor >= 0),
        change_number BIGINT NOT NULL UNIQUE,
        received_at TEXT NOT NULL,
        received_sha256 TEXT NOT NULL,
        undone_at TEXT,
        undone_correlator_id TEXT UNIQUE,
        undone_sha256 TEXT,
        CHECK ((charge_id IS NULL) = (charged_minor = 0)),
        CHECK (off_minor + credit_minor <= charged_minor)
    );
CREATE TABLE dishonour_stage (
        dishonour_id TEXT NOT NULL REFERENCES dishonour (id),
        account_id TEXT NOT NULL REFERENCES account (id),
        stage_before BIGINT NOT NULL,
        PRIMARY KEY (dishonour_id, account_id)
    );
CREATE TABLE final_payment (correlator_id TEXT PRIMARY KEY, final_at TEXT NOT NULL);
CREATE TABLE fixture_row (
        kind TEXT NOT NULL,
        position BIGINT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (kind, position)
    );
INSERT INTO "fixture_row" VALUES('shop',0,'{"id":"S014","name":"Store 14"}');
INSERT INTO "fixture_row" VALUES('users',0,'{"user":"1001"}');
INSERT INTO "fixture_row" VALUES('users',1,'{"user":"2002"}');
CREATE TABLE instrument (
        instrument TEXT PRIMARY KEY,
        payment_event_id TEXT NOT NULL,
        payment_id TEXT NOT NULL REFERENCES payment (id)
    );
CREATE TABLE item (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        price_minor BIGINT NOT NULL CHECK (price_minor >= 0),
        currency TEXT NOT NULL,
        tax_category TEXT NOT NULL,
        tax_rate TEXT NOT NULL,
        serial TEXT,
        ean TEXT,
        withdrawn BIGINT NOT NULL,
        change_number BIGINT NOT NULL
    , advance TEXT);
INSERT INTO "item" VALUES('SIM-01','Item SIM-01',5000,'KWD','VAT','5','iccid','6271001000014',0,1,NULL);
INSERT INTO "item" VALUES('RTR-01','Item RTR-01',25000,'KWD','VAT','7.5',NULL,NULL,0,1,NULL);
CREATE TABLE kept_apart (
        payment_id TEXT NOT NULL REFERENCES payment (id),
        kept_as TEXT NOT NULL CHECK (kept_as IN ('advance', 'deposit')),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        PRIMARY KEY (payment_id, kept_as)
    );
CREATE TABLE line_rate (
        bill_id TEXT NOT NULL REFERENCES bill (id),
        line_id TEXT NOT NULL,
        rate_id TEXT NOT NULL,
        PRIMARY KEY (bill_id, line_id, rate_id)
    );
INSERT INTO "line_rate" VALUES('CB-1','L2','R-1');
INSERT INTO "line_rate" VALUES('CB-1','L1','R-1');
INSERT INTO "line_rate" VALUES('CB-1','L3','R-2');
INSERT INTO "line_rate" VALUES('CB-1','L3','R-3');
INSERT INTO "line_rate" VALUES('CB-1','L1','R-2');
INSERT INTO "line_rate" VALUES('CB-1','L1','R-3');
CREATE TABLE outcome (
        id TEXT PRIMARY KEY,
        correlator_id TEXT NOT NULL UNIQUE,
        payment_id TEXT NOT NULL REFERENCES bank_receipt (payment_id),
        state TEXT NOT NULL,
        reason TEXT,
        account_id TEXT NOT NULL,
        credited_minor BIGINT NOT NULL,
        change_number BIGINT NOT NULL UNIQUE,
        terminal TEXT,
        decided_at TEXT NOT NULL,
        received_at TEXT NOT NULL,
        received_sha256 TEXT NOT NULL,
        UNIQUE (payment_id, state)
    );
CREATE TABLE payment (
        id TEXT PRIMARY KEY,
        change_number BIGINT NOT NULL UNIQUE,
        correlator_id TEXT UNIQUE,
        idempotency_key TEXT UNIQUE,
        terminal TEXT,
        epoch BIGINT,
        sequence BIGINT,
        leg BIGINT,
        receipt_number TEXT,
        account_id TEXT NOT NULL,
        currency TEXT NOT NULL,
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        applied_minor BIGINT NOT NULL CHECK (applied_minor >= 0),
        credit_minor BIGINT NOT NULL CHECK (credit_minor >= 0),
        suspense_minor BIGINT NOT NULL CHECK (suspense_minor >= 0),
        other_minor BIGINT NOT NULL CHECK (other_minor >= 0),
        status TEXT NOT NULL,
        paid_at_utc TEXT NOT NULL,
        body TEXT NOT NULL,
        received_sha256 TEXT NOT NULL, refunded_minor BIGINT NOT NULL DEFAULT 0 CHECK (refunded_minor >= 0 AND refunded_minor <= amount_minor), held_minor BIGINT NOT NULL DEFAULT 0 CHECK (held_minor >= 0 AND refunded_minor + held_minor <= amount_minor),
        UNIQUE (terminal, epoch, sequence, leg),
        CHECK (amount_minor = applied_minor + credit_minor + suspense_minor + other_minor)
    );
INSERT INTO "payment" VALUES('01a1fd8c-70d0-7e9e-b870-a3187c0b8988',2,'E-1-H-1',NULL,'T2',NULL,NULL,NULL,NULL,'BA-1','KWD',8000,8000,0,0,0,'done','2026-11-21T10:00:03.000000+00:00','{"id":"01a1fd8c-70d0-7e9e-b870-a3187c0b8988","account":{"id":"BA-1"},"totalAmount":{"unit":"KWD","value":8.000},"paymentMethod":{"@type":"PaymentMethodRef","id":"H-1","@referredType":"Voucher","name":"internal_voucher"},"correlatorId":"E-1-H-1","paymentEventId":"E-1","terminal":"T2","voucherHold":"H-1","payer":{"id":"BA-1","role":"subscriber","@referredType":"BillingAccount"},"paymentItem":[{"item":{"id":"CB-1","@referredType":"CustomerBill"},"totalAmount":{"unit":"KWD","value":8.000}}],"status":"done","statusDate":"2026-11-21T10:00:03+00:00","paymentDate":"2026-11-21T10:00:03+00:00","@type":"Payment","changeNumber":2}','fb6caa88f4915f89ff05dcce4240ec1e5ce74fbe697da2c3cbbd8440895ab4e8',0,0);
INSERT INTO "payment" VALUES('01a1fd8c-78a0-7a7f-9dc2-2e37eaf05b74',3,'c-2',NULL,NULL,NULL,NULL,NULL,NULL,'BA-1','KWD',4000,4000,0,0,0,'done','2026-11-21T10:00:05.000000+00:00','{"id":"01a1fd8c-78a0-7a7f-9dc2-2e37eaf05b74","account":{"id":"BA-1"},"totalAmount":{"unit":"KWD","value":4.000},"paymentMethod":{"@type":"Cash","@baseType":"PaymentMethod","name":"cash"},"correlatorId":"c-2","paymentItem":[{"item":{"id":"CB-2","@referredType":"CustomerBill"},"totalAmount":{"unit":"KWD","value":4.000}}],"status":"done","statusDate":"2026-11-21T10:00:05+00:00","paymentDate":"2026-11-21T10:00:05+00:00","@type":"Payment","changeNumber":3}','11b9bebe9b7a4ebab6cb1087b6c0268ffb56188e6a2136f36032a893e02400f8',0,0);
CREATE TABLE possible_double (
        id TEXT PRIMARY KEY REFERENCES payment (id),
        of_payment_id TEXT NOT NULL REFERENCES payment (id),
        account_id TEXT NOT NULL,
        change_number BIGINT NOT NULL
    );
CREATE TABLE rate (
        id TEXT PRIMARY KEY,
        bill_id TEXT,
        account_id TEXT,
        is_billed BIGINT NOT NULL,
        body TEXT NOT NULL
    );
INSERT INTO "rate" VALUES('R-1','CB-1',NULL,1,'{"id":"R-1","name":"Rate R-1","type":"appliedBillingCharge","date":"2026-11-01T00:00:00Z","isBilled":true,"bill":{"id":"CB-1","@referredType":"CustomerBill"},"product":{"id":"P-1","name":"Fibre 100"},"taxExcludedAmount":{"unit":"KWD","value":40.000},"taxIncludedAmount":{"unit":"KWD","value":40.000}}');
INSERT INTO "rate" VALUES('R-2','CB-1',NULL,1,'{"id":"R-2","name":"Rate R-2","type":"appliedBillingCharge","date":"2026-11-01T00:00:00Z","isBilled":true,"bill":{"id":"CB-1","@referredType":"CustomerBill"},"product":{"id":"P-1","name":"Fibre 100"},"taxExcludedAmount":{"unit":"KWD","value":2.000},"taxIncludedAmount":{"unit":"KWD","value":2.000}}');
INSERT INTO "rate" VALUES('R-3','CB-1',NULL,1,'{"id":"R-3","name":"Rate R-3","type":"appliedBillingCredit","date":"2026-11-01T00:00:00Z","isBilled":true,"bill":{"id":"CB-1","@referredType":"CustomerBill"},"product":{"id":"P-1","name":"Fibre 100"},"taxExcludedAmount":{"unit":"KWD","value":-0.250},"taxIncludedAmount":{"unit":"KWD","value":-0.250}}');
INSERT INTO "rate" VALUES('R-9',NULL,'BA-1',0,'{"id":"R-9","name":"Not billed yet","isBilled":false,"billingAccount":{"id":"BA-1"}}');
CREATE TABLE reconnection (
        id TEXT PRIMARY KEY,
        account_id TEXT NOT NULL,
        payment_event_id TEXT NOT NULL,
        asked_at TEXT NOT NULL,
        taken_back_at TEXT,
        change_number BIGINT NOT NULL,
        UNIQUE (account_id, payment_event_id)
    );
CREATE TABLE recovery (
        payment_id TEXT NOT NULL REFERENCES payment (id),
        account_id TEXT NOT NULL REFERENCES account (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        PRIMARY KEY (payment_id, account_id)
    );
CREATE TABLE refund (
        id TEXT PRIMARY KEY,
        change_number BIGINT NOT NULL UNIQUE,
        correlator_id TEXT UNIQUE,
        idempotency_key TEXT UNIQUE,
        payment_id TEXT NOT NULL REFERENCES payment (id),
        kind TEXT NOT NULL CHECK (kind IN
            ('void', 'reversal', 'tender_cancellation', 'refund', 'transfer', 'reallocation', 'dishonour',
             'reinstatement')),
        account_id TEXT NOT NULL,
        currency TEXT NOT NULL,
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        receipt_number TEXT,
        terminal TEXT,
        status TEXT NOT NULL,
        refunded_at_utc TEXT NOT NULL,
        body TEXT NOT NULL,
        received_sha256 TEXT NOT NULL
    );
CREATE TABLE refund_hold (
        id TEXT PRIMARY KEY,
        terminal TEXT,
        operator TEXT,
        receipt_number TEXT,
        asked_sha256 TEXT,
        made_at TEXT NOT NULL,
        released_at TEXT,
        CHECK (released_at IS NOT NULL OR (terminal IS NOT NULL AND receipt_number IS NOT NULL
            AND asked_sha256 IS NOT NULL))
    );
CREATE TABLE refund_hold_leg (
        hold_id TEXT NOT NULL REFERENCES refund_hold (id),
        payment_id TEXT NOT NULL REFERENCES payment (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        refund_id TEXT UNIQUE REFERENCES refund (id),
        PRIMARY KEY (hold_id, payment_id)
    );
CREATE TABLE refund_hold_part (
        hold_id TEXT NOT NULL,
        payment_id TEXT NOT NULL,
        part_no BIGINT NOT NULL,
        stood_as TEXT NOT NULL CHECK (stood_as IN ('bill', 'credit', 'advance', 'deposit')),
        account_id TEXT NOT NULL,
        bill_id TEXT REFERENCES bill (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        PRIMARY KEY (hold_id, payment_id, part_no),
        FOREIGN KEY (hold_id, payment_id) REFERENCES refund_hold_leg (hold_id, payment_id),
        CHECK ((bill_id IS NOT NULL) = (stood_as = 'bill'))
    );
CREATE TABLE refund_part (
        refund_id TEXT NOT NULL REFERENCES refund (id),
        part_no BIGINT NOT NULL,
        stood_as TEXT NOT NULL CHECK (stood_as IN
            ('bill', 'credit', 'advance', 'deposit', 'suspense', 'other', 'write_off', 'recovery')),
        account_id TEXT NOT NULL,
        bill_id TEXT REFERENCES bill (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor <> 0),
        PRIMARY KEY (refund_id, part_no),
        CHECK ((bill_id IS NOT NULL) = (stood_as IN ('bill', 'write_off')))
    );
CREATE TABLE session (
        operator TEXT PRIMARY KEY,
        terminal TEXT NOT NULL,
        signed_in_at TEXT NOT NULL
    );
CREATE TABLE suspense_transfer (
        id TEXT PRIMARY KEY,
        correlator_id TEXT NOT NULL UNIQUE,
        payment_id TEXT NOT NULL REFERENCES payment (id),
        account_id TEXT NOT NULL REFERENCES account (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        applied_minor BIGINT NOT NULL CHECK (applied_minor >= 0),
        credit_minor BIGINT NOT NULL CHECK (credit_minor >= 0),
        currency TEXT NOT NULL,
        reason TEXT,
        change_number BIGINT NOT NULL UNIQUE,
        terminal TEXT,
        resolved_at TEXT NOT NULL,
        received_at TEXT NOT NULL,
        received_sha256 TEXT NOT NULL,
        CHECK (amount_minor = applied_minor + credit_minor)
    );
CREATE TABLE terminal (
        id TEXT PRIMARY KEY,
        epoch BIGINT NOT NULL
    );
CREATE TABLE terminal_code (
        code_sha256 TEXT PRIMARY KEY,
        terminal TEXT NOT NULL,
        made_at TEXT NOT NULL,
        used_at TEXT
    );
CREATE TABLE terminal_head (
        terminal TEXT NOT NULL,
        epoch BIGINT NOT NULL,
        chain_no BIGINT NOT NULL,
        mark TEXT NOT NULL,
        told_at TEXT NOT NULL,
        PRIMARY KEY (terminal, epoch, chain_no, mark)
    );
CREATE TABLE voucher (
        id TEXT PRIMARY KEY,
        digest TEXT NOT NULL,
        issuer TEXT NOT NULL,
        value_minor BIGINT NOT NULL CHECK (value_minor > 0),
        currency TEXT NOT NULL,
        expires TEXT NOT NULL,
        account_id TEXT,
        UNIQUE (digest, issuer)
    );
INSERT INTO "voucher" VALUES('babe4eefb3cb334f80cf8fdbc5aba129396327e9fc460879c29e6191653486ad','84667707c4394b87ade7effaf1286f99ef3c979506f415019a729e8a6cad5515','internal',20000,'KWD','2027-06-23',NULL);
INSERT INTO "voucher" VALUES('4d37bdc49807269a65bea6eb05ec28bf85d1b9839c064f494ba62dd0aa5d2630','017cafde6d588edd3135c758f1f9e0183092b9980056d08445669b386fbbe0d9','internal',5000,'KWD','2027-06-23','BA-1');
INSERT INTO "voucher" VALUES('9b793205c9898340eacdbddace4e452cd154511449c7d61a387da1934410c9e9','cb7cc25ba3a889e9b20529c125314b274f864727cac7dd9515686a3bfeebe22e','internal',5000,'KWD','2026-11-20',NULL);
INSERT INTO "voucher" VALUES('a9fb597674e1524c29572643f0d1a90beef342cf79311b44f73e03dfa002cc2f','527243cc7daa6a2d8f5ccb45c4fa7a9b4195ef676934b34970f447c3e39ca695','internal',500,'EUR','2027-06-23',NULL);
INSERT INTO "voucher" VALUES('18a1a2b554e8a65f8ab80daac9615812eb67080f79f1ff5711b7d1f2d930d61a','44dc16a2671d3d45fd4cbd16996cd8a7ca55d14f87b9cf4f71a582c90d3b9bf9','city gifts',10000,'KWD','2027-06-23',NULL);
CREATE TABLE voucher_hold (
        id TEXT PRIMARY KEY,
        voucher_id TEXT REFERENCES voucher (id),
        terminal TEXT,
        payment_event_id TEXT,
        mode TEXT,
        account_id TEXT,
        amount_minor BIGINT CHECK (amount_minor > 0),
        value_minor BIGINT,
        currency TEXT,
        expires TEXT,
        approval TEXT,
        asked_sha256 TEXT,
        made_at TEXT NOT NULL,
        lapses_at TEXT,
        released_at TEXT,
        replaced_by TEXT,
        CHECK (released_at IS NOT NULL OR (voucher_id IS NOT NULL AND replaced_by IS NULL)),
        CHECK (voucher_id IS NULL OR (payment_event_id IS NOT NULL AND lapses_at IS NOT NULL
            AND amount_minor <= value_minor))
    );
INSERT INTO "voucher_hold" VALUES('H-1','babe4eefb3cb334f80cf8fdbc5aba129396327e9fc460879c29e6191653486ad','T2','E-1','internal_voucher','BA-1',8000,20000,'KWD','2027-06-23',NULL,'34fa8128ccd437d9b0b543e1576b94afa11ef6c352c61b6944511b0198090efd','2026-11-21T10:00:01.000000+00:00','2026-11-22T10:00:01.000000+00:00',NULL,NULL);
CREATE TABLE voucher_key (
        id TEXT PRIMARY KEY,
        public_key TEXT NOT NULL,
        private_key TEXT,
        made_at TEXT NOT NULL,
        withdrawn_at TEXT
    );
CREATE TABLE voucher_payment (
        payment_id TEXT PRIMARY KEY REFERENCES payment (id),
        hold_id TEXT NOT NULL REFERENCES voucher_redemption (hold_id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0)
    );
INSERT INTO "voucher_payment" VALUES('01a1fd8c-70d0-7e9e-b870-a3187c0b8988','H-1',8000);
CREATE TABLE voucher_redemption (
        voucher_id TEXT PRIMARY KEY REFERENCES voucher (id),
        hold_id TEXT NOT NULL UNIQUE REFERENCES voucher_hold (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        forfeited_minor BIGINT NOT NULL CHECK (forfeited_minor >= 0),
        redeemed_at TEXT NOT NULL
    );
INSERT INTO "voucher_redemption" VALUES('babe4eefb3cb334f80cf8fdbc5aba129396327e9fc460879c29e6191653486ad','H-1',8000,12000,'2026-11-21T10:00:03.000000+00:00');
CREATE TABLE voucher_refusal (
        at_utc TEXT NOT NULL,
        terminal TEXT NOT NULL,
        hold_id TEXT NOT NULL,
        digest TEXT NOT NULL,
        reason TEXT NOT NULL,
        wrong BIGINT NOT NULL
    );
CREATE TABLE voucher_returned (
        payment_id TEXT PRIMARY KEY REFERENCES payment (id),
        hold_id TEXT NOT NULL REFERENCES voucher_hold (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0)
    );
CREATE TABLE voucher_terms (
        voucher_id TEXT PRIMARY KEY REFERENCES voucher (id),
        residual TEXT NOT NULL CHECK (residual IN ('forfeit', 'credit', 'new_voucher')),
        combinable BIGINT NOT NULL,
        minimum_minor BIGINT CHECK (minimum_minor > 0),
        serial TEXT UNIQUE,
        key_id TEXT,
        promised_by TEXT UNIQUE,
        issue_id TEXT UNIQUE,
        asked_sha256 TEXT,
        made_at TEXT,
        told_at TEXT
    );
CREATE INDEX account_by_change ON account (change_number);
CREATE INDEX bill_by_change ON bill (change_number);
CREATE INDEX bill_by_account ON bill (account_id);
CREATE INDEX bill_by_number ON bill (bill_no);
CREATE INDEX rate_by_bill ON rate (bill_id);
CREATE INDEX line_rate_by_line ON line_rate (line_id, rate_id);
CREATE INDEX payment_by_account ON payment (account_id);
CREATE INDEX payment_by_receipt ON payment (receipt_number);
CREATE INDEX applied_payment_by_bill ON applied_payment (bill_id);
CREATE INDEX voucher_refusal_by_terminal ON voucher_refusal (terminal, at_utc);
CREATE INDEX item_by_change ON item (change_number);
CREATE INDEX voucher_hold_by_voucher ON voucher_hold (voucher_id);
CREATE INDEX voucher_payment_by_hold ON voucher_payment (hold_id);
CREATE INDEX clearing_leg_by_correlator ON clearing_leg (correlator_id);
CREATE INDEX cheque_by_identity ON cheque (identity);
CREATE INDEX cheque_by_change ON cheque (change_number);
CREATE INDEX bill_write_off_by_bill ON bill_write_off (bill_id);
CREATE INDEX recovery_by_account ON recovery (account_id);
CREATE INDEX credit_use_by_bill ON credit_use (bill_id);
CREATE INDEX credit_use_by_account ON credit_use (account_id);
CREATE INDEX bank_receipt_by_dealer ON bank_receipt (dealer_id, state);
CREATE INDEX outcome_by_account ON outcome (account_id);
CREATE INDEX suspense_transfer_by_payment ON suspense_transfer (payment_id);
CREATE INDEX suspense_transfer_by_account ON suspense_transfer (account_id);
CREATE INDEX applied_transfer_by_bill ON applied_transfer (bill_id);
CREATE INDEX commission_by_payment ON commission (payment_id);
CREATE INDEX commission_by_account ON commission (account_id);
CREATE INDEX refund_by_payment ON refund (payment_id);
CREATE INDEX refund_by_account ON refund (account_id);
CREATE INDEX refund_part_by_bill ON refund_part (bill_id) WHERE bill_id IS NOT NULL;
CREATE INDEX refund_part_by_account ON refund_part (account_id);
CREATE INDEX refund_hold_leg_by_payment ON refund_hold_leg (payment_id);
CREATE INDEX dishonour_by_account ON dishonour (account_id);
CREATE INDEX approval_request_open ON approval_request (asked_at) WHERE closed_at IS NULL;
COMMIT;
