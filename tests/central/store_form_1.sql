-- A central store of form 1, as the release before items and vouchers left it. Never edited.
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
    );
INSERT INTO "account" VALUES('BA-1','subscriber','Holder of BA-1','+96550000001','KWD','C-1','active',0,0,0,10000,NULL,NULL,'{"account":"BA-1","kind":"subscriber","name":"Holder of BA-1","phone":"+96550000001","currency":"KWD","customer":"C-1","status":"active","cash_only":false,"dunning_stage":0,"credit":"0.000"}',2);
INSERT INTO "account" VALUES('BA-2','subscriber','Holder of BA-2','+96550000001','EUR','C-1','active',1,2,150,150,NULL,NULL,'{"account":"BA-2","kind":"subscriber","name":"Holder of BA-2","phone":"+96550000001","currency":"EUR","customer":"C-1","status":"active","cash_only":true,"dunning_stage":2,"credit":"1.50"}',1);
INSERT INTO "account" VALUES('D-12','dealer','Gulf Mobile',NULL,'KWD',NULL,'active',0,0,0,0,'gold',500000,'{"kind":"dealer","account":"D-12","name":"Gulf Mobile","currency":"KWD","class":"gold","credit_limit":"500.000"}',1);
CREATE TABLE applied_payment (
        payment_id TEXT NOT NULL REFERENCES payment (id),
        item_no BIGINT NOT NULL,
        bill_id TEXT NOT NULL REFERENCES bill (id),
        amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
        PRIMARY KEY (payment_id, item_no)
    );
INSERT INTO "applied_payment" VALUES('01a1fd8c-6ce8-7baf-9ccd-6f37291d34ba',1,'CB-2',4000);
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
INSERT INTO "bill" VALUES('CB-1','NCB-1','BA-1','sent','KWD',41750,41750,'2026-11-01','2026-11-15','2026-11-01T00:00:00Z','{"id":"CB-1","billNo":"NCB-1","billDate":"2026-11-01T00:00:00Z","paymentDueDate":"2026-11-15T00:00:00Z","state":"sent","amountDue":{"unit":"KWD","value":41.750},"remainingAmount":{"unit":"KWD","value":41.750},"taxExcludedAmount":{"unit":"KWD","value":41.750},"taxIncludedAmount":{"unit":"KWD","value":41.750},"billingAccount":{"id":"BA-1","name":"Al-Salem Trading","@referredType":"BillingAccount"},"billDocument":[{"id":"doc-CB-1","@referredType":"Attachment"}],"billSummaryLine":[{"id":"L1","name":"Line L1","groupKind":"product","@type":"BillSummaryLine","taxExcludedAmount":{"unit":"KWD","value":41.750},"taxAmount":{"unit":"KWD","value":0.000},"taxIncludedAmount":{"unit":"KWD","value":41.750},"product":{"id":"P-L1","name":"Fibre 100"},"appliedCustomerBillingRate":[]},{"id":"L2","name":"Line L2","groupKind":"product","@type":"BillSummaryLine","taxExcludedAmount":{"unit":"KWD","value":40.000},"taxAmount":{"unit":"KWD","value":0.000},"taxIncludedAmount":{"unit":"KWD","value":40.000},"product":{"id":"P-L2","name":"Fibre 100"},"appliedCustomerBillingRate":[{"id":"R-1"}],"parentLine":{"id":"L1"}},{"id":"L3","name":"Line L3","groupKind":"product","@type":"BillSummaryLine","taxExcludedAmount":{"unit":"KWD","value":1.750},"taxAmount":{"unit":"KWD","value":0.000},"taxIncludedAmount":{"unit":"KWD","value":1.750},"product":{"id":"P-L3","name":"Fibre 100"},"appliedCustomerBillingRate":[{"id":"R-2"},{"id":"R-3"}],"parentLine":{"id":"L1"}}]}',1);
INSERT INTO "bill" VALUES('CB-2','NCB-2','BA-1','partiallyPaid','KWD',10000,6000,'2026-11-01','2026-11-15','2026-11-21T10:00:02+00:00','{"id":"CB-2","billNo":"NCB-2","billDate":"2026-11-01T00:00:00Z","paymentDueDate":"2026-11-15T00:00:00Z","state":"sent","amountDue":{"unit":"KWD","value":10.000},"remainingAmount":{"unit":"KWD","value":10.000},"taxExcludedAmount":{"unit":"KWD","value":10.000},"taxIncludedAmount":{"unit":"KWD","value":10.000},"billingAccount":{"id":"BA-1","name":"Al-Salem Trading","@referredType":"BillingAccount"},"billDocument":[{"id":"doc-CB-2","@referredType":"Attachment"}]}',2);
CREATE TABLE central_schema (version BIGINT NOT NULL);
INSERT INTO "central_schema" VALUES(1);
CREATE TABLE change_counter (
        one BIGINT PRIMARY KEY CHECK (one = 1),
        value BIGINT NOT NULL
    );
INSERT INTO "change_counter" VALUES(1,3);
CREATE TABLE fixture_row (
        kind TEXT NOT NULL,
        position BIGINT NOT NULL,
        body TEXT NOT NULL,
        PRIMARY KEY (kind, position)
    );
INSERT INTO "fixture_row" VALUES('shop',0,'{"id":"S014","name":"Store 14"}');
INSERT INTO "fixture_row" VALUES('users',0,'{"user":"1001"}');
INSERT INTO "fixture_row" VALUES('vouchers',0,'{"issuer":"internal","value":"20.000","currency":"KWD","expires":"2027-06-23","account":null,"code_sha256":"e05639943f7146780169743442aa8147b2efcfef01d7d9d5804378a4328a66ff"}');
INSERT INTO "fixture_row" VALUES('vouchers',1,'{"issuer":"City Gifts","value":"10.000","currency":"KWD","expires":"2027-04-21","account":null,"code_sha256":"8621747a582d91bc7ea0677d8efaf6f298a66b32d6f761a1a339c2b52e71ad73"}');
INSERT INTO "fixture_row" VALUES('vouchers',2,'{"code_sha256":"f80be7e7c9ca1b601e4f95469e8f70a38c6f740d3dca1ce02824d39e583fe517"}');
INSERT INTO "fixture_row" VALUES('items',0,'{"item":"SIM-01","name":"Prepaid SIM card","price":"5.000","currency":"KWD","tax_category":"VAT","tax_rate":"5","serial":"iccid","ean":"6271001000014"}');
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
        received_sha256 TEXT NOT NULL,
        UNIQUE (terminal, epoch, sequence, leg),
        CHECK (amount_minor = applied_minor + credit_minor + suspense_minor + other_minor)
    );
INSERT INTO "payment" VALUES('01a1fd8c-6ce8-7baf-9ccd-6f37291d34ba',2,'c-1',NULL,'T2',1,1,1,'R-1','BA-1','KWD',14000,4000,10000,0,0,'done','2026-11-21T10:00:02.000000+00:00','{"id":"01a1fd8c-6ce8-7baf-9ccd-6f37291d34ba","account":{"id":"BA-1"},"totalAmount":{"unit":"KWD","value":14.000},"paymentMethod":{"@type":"Cash","@baseType":"PaymentMethod","name":"cash"},"correlatorId":"c-1","terminal":"T2","epoch":1,"sequence":1,"leg":1,"receiptNumber":"R-1","paymentItem":[{"item":{"id":"CB-2","@referredType":"CustomerBill"},"totalAmount":{"unit":"KWD","value":4.000}}],"status":"done","statusDate":"2026-11-21T10:00:02+00:00","paymentDate":"2026-11-21T10:00:02+00:00","@type":"Payment","changeNumber":2}','0bf2079f565f2e859b306fa38b66b5d1401e907f19c71d819f19cb0009a4720b');
INSERT INTO "payment" VALUES('01a1fd8c-74b8-7e9e-b870-a3187c0b8988',3,'c-2',NULL,NULL,NULL,NULL,NULL,NULL,'BA-404','KWD',3000,0,0,3000,0,'done','2026-11-21T10:00:04.000000+00:00','{"id":"01a1fd8c-74b8-7e9e-b870-a3187c0b8988","account":{"id":"BA-404"},"totalAmount":{"unit":"KWD","value":3.000},"paymentMethod":{"@type":"Cash","@baseType":"PaymentMethod","name":"cash"},"correlatorId":"c-2","status":"done","statusDate":"2026-11-21T10:00:04+00:00","paymentDate":"2026-11-21T10:00:04+00:00","@type":"Payment","changeNumber":3,"suspense":true}','daf104631f75df216634ae80315327e38437ca3295886aa8018cd30066df6156');
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
INSERT INTO "terminal_code" VALUES('f404fbc8523b11d1785c81b9be114520967ddb9c16739f2c6257d04b16ff8ad3','T2','2026-11-21T10:00:01+00:00',NULL);
CREATE INDEX account_by_change ON account (change_number);
CREATE INDEX bill_by_change ON bill (change_number);
CREATE INDEX bill_by_account ON bill (account_id);
CREATE INDEX bill_by_number ON bill (bill_no);
CREATE INDEX rate_by_bill ON rate (bill_id);
CREATE INDEX line_rate_by_line ON line_rate (line_id, rate_id);
CREATE INDEX payment_by_account ON payment (account_id);
CREATE INDEX payment_by_receipt ON payment (receipt_number);
CREATE INDEX applied_payment_by_bill ON applied_payment (bill_id);
COMMIT;
