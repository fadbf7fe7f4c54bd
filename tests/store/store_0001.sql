BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0001');
CREATE TABLE allocation (
    allocation_id TEXT PRIMARY KEY,
    payment_event_id TEXT NOT NULL REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    payment_id TEXT NOT NULL REFERENCES payment,
    tender_id TEXT NOT NULL REFERENCES tender,
    leg INTEGER NOT NULL,
    number INTEGER NOT NULL,
    account TEXT NOT NULL,
    bill_no TEXT,
    bill_id TEXT,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    UNIQUE (payment_event_id, number)
) STRICT;
INSERT INTO "allocation" VALUES('01a1fcf5-5920-74c6-a358-9e82f86c2728','01a1fcf5-5920-7574-8922-bc7aa03c3adf','01a1fcf5-5920-7cc1-9c55-e431342966a5','01a1fcf5-5920-7839-8d87-bf694fa476c6',1,1,'BA-1','7781','CB-7781',10000,'KWD');
INSERT INTO "allocation" VALUES('01a1fcf5-5920-7994-92d9-40f55888bb78','01a1fcf5-5920-7574-8922-bc7aa03c3adf','01a1fcf5-5920-7cc1-9c55-e431342966a5','01a1fcf5-5920-7efd-bec5-9a3a188345fe',2,2,'BA-1','7781','CB-7781',31750,'KWD');
INSERT INTO "allocation" VALUES('01a1fcf5-5920-73e3-81c6-a5cba8bc7041','01a1fcf5-5920-7574-8922-bc7aa03c3adf','01a1fcf5-5920-7cc1-9c55-e431342966a5','01a1fcf5-5920-7efd-bec5-9a3a188345fe',2,3,'BA-1','7782','CB-7782',12500,'KWD');
INSERT INTO "allocation" VALUES('01a1fcf5-5920-777f-b47d-58d80f48aa52','01a1fcf5-5920-707e-9085-f617e32f3a32','01a1fcf5-5920-7c50-a2a0-334ce50fbb6b','01a1fcf5-5920-7412-a843-f10bdcb327f9',1,1,'D-1',NULL,NULL,100000,'KWD');
INSERT INTO "allocation" VALUES('01a2013f-fb20-7c8b-a0bf-30cb338b53e6','01a2013f-fb20-759c-9c57-32a7e1541e9d','01a2013f-fb20-749b-8aa9-3930ddbebf1a','01a2013f-fb20-7676-b62c-0177ab4f2469',1,1,'BA-5','7798','CB-7798',5005,'KWD');
INSERT INTO "allocation" VALUES('01a2013f-fb20-7e5a-aca6-18f4ad83f582','01a2013f-fb20-759c-9c57-32a7e1541e9d','01a2013f-fb20-75c7-bf74-8193ca972433','01a2013f-fb20-7676-b62c-0177ab4f2469',2,2,'BA-4','7796','CB-7796',9000,'KWD');
INSERT INTO "allocation" VALUES('01a2013f-fb20-7110-b85c-0d362b10bfff','01a2013f-fb20-759c-9c57-32a7e1541e9d','01a2013f-fb20-744f-959b-899f0bc8c0c0','01a2013f-fb20-7676-b62c-0177ab4f2469',3,3,'BA-2',NULL,NULL,1000,'KWD');
INSERT INTO "allocation" VALUES('01a2013f-fb20-74b0-b0f3-5f1344fc3991','01a2013f-fb20-7170-a74e-62b2b99df3e5','01a2013f-fb20-7928-afb2-21bb808eedb5','01a2013f-fb20-7707-b828-45c0f45b1670',1,1,'BA-3',NULL,NULL,7000,'KWD');
CREATE TABLE audit (
    audit_id INTEGER PRIMARY KEY,
    deed_id TEXT NOT NULL UNIQUE,
    at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    terminal TEXT NOT NULL,
    operator TEXT,
    act TEXT NOT NULL,
    result TEXT NOT NULL,
    reason_code TEXT,
    shift_id TEXT,
    subject TEXT
) STRICT;
INSERT INTO "audit" VALUES(1,'01a1fcf5-5920-7ad4-a5be-62ba01bfe7a0','2026-11-21T07:15:00.000000Z',180,'T1','1001','open_shift','ok',NULL,'01a1fcf5-5920-734b-902b-82f5f74266bc','01a1fcf5-5920-734b-902b-82f5f74266bc');
INSERT INTO "audit" VALUES(2,'01a1fcf5-5920-7196-a3ce-c4454dd72d0c','2026-11-21T07:15:00.000000Z',180,'T1','1001','pay','ok',NULL,'01a1fcf5-5920-734b-902b-82f5f74266bc','01a1fcf5-5920-7574-8922-bc7aa03c3adf');
INSERT INTO "audit" VALUES(3,'01a1fcf5-5920-7d5c-8d49-43cd84083a13','2026-11-21T07:15:00.000000Z',180,'T1','1001','pay','ok',NULL,'01a1fcf5-5920-734b-902b-82f5f74266bc','01a1fcf5-5920-707e-9085-f617e32f3a32');
INSERT INTO "audit" VALUES(4,'01a1fcf5-5920-7d90-a12f-bfda9f08fb48','2026-11-21T07:15:00.000000Z',180,'T1','1001','count','ok',NULL,'01a1fcf5-5920-734b-902b-82f5f74266bc','01a1fcf5-5920-734b-902b-82f5f74266bc');
INSERT INTO "audit" VALUES(5,'01a1fcf5-5920-77b6-8920-c57dbb0c2f59','2026-11-21T07:15:00.000000Z',180,'T1','1001','close_shift','ok',NULL,'01a1fcf5-5920-734b-902b-82f5f74266bc','01a1fcf5-5920-734b-902b-82f5f74266bc');
INSERT INTO "audit" VALUES(6,'01a2013f-fb20-7b49-a579-4373b0ecc6fe','2026-11-22T03:15:00.000000Z',180,'T1','1001','open_shift','ok',NULL,'01a2013f-fb20-7f9f-9a8b-85a78b2573a4','01a2013f-fb20-7f9f-9a8b-85a78b2573a4');
INSERT INTO "audit" VALUES(7,'01a2013f-fb20-7442-b8f9-6cfce0df65a1','2026-11-22T03:15:00.000000Z',180,'T1','1001','pay','ok',NULL,'01a2013f-fb20-7f9f-9a8b-85a78b2573a4','01a2013f-fb20-759c-9c57-32a7e1541e9d');
INSERT INTO "audit" VALUES(8,'01a2013f-fb20-73f0-afea-9ab9b04524c4','2026-11-22T03:15:00.000000Z',180,'T1','1001','pay','ok',NULL,'01a2013f-fb20-7f9f-9a8b-85a78b2573a4','01a2013f-fb20-7170-a74e-62b2b99df3e5');
INSERT INTO "audit" VALUES(9,'01a2013f-fb20-78f5-8dec-8171beec2ec0','2026-11-22T03:15:00.000000Z',180,'T1','1001','reprint','ok',NULL,'01a2013f-fb20-7f9f-9a8b-85a78b2573a4','S014-T1-A-000001');
INSERT INTO "audit" VALUES(10,'01a2013f-fb20-7a85-a84e-6561dbfb613b','2026-11-22T03:15:00.000000Z',180,'T1','1001','pay','refused','unknown_bill','01a2013f-fb20-7f9f-9a8b-85a78b2573a4',NULL);
CREATE TABLE chain_link (
    chain_no INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    row_key TEXT NOT NULL,
    mark TEXT NOT NULL,
    UNIQUE (source, row_key)
) STRICT;
INSERT INTO "chain_link" VALUES(1,'shift','01a1fcf5-5920-734b-902b-82f5f74266bc','112fde5719270913373ccbbbdabda201b95dada7957baaf5a748695672df4e0d');
INSERT INTO "chain_link" VALUES(2,'journal_line','01a1fcf5-5920-7a1d-8a85-9e4d55d60b29/1','93322617340f796ca7c2bf33122c2a8011ab04eee4e9aec58072c32fe17aa719');
INSERT INTO "chain_link" VALUES(3,'journal_line','01a1fcf5-5920-7a1d-8a85-9e4d55d60b29/2','af9fca78219fcef48652ba68a81ce338d3d20ddbc3ce92bcf3b501d38b768ab0');
INSERT INTO "chain_link" VALUES(4,'journal_entry','01a1fcf5-5920-7a1d-8a85-9e4d55d60b29','25c4be79ba1ba2108afe6c513f4e4e322bbdc75497ec53243cac45b525bc67d4');
INSERT INTO "chain_link" VALUES(5,'audit','1','6f1ad3c9ea5f89403e9bf026cd1923a587df829b8878245532c80658765b99d5');
INSERT INTO "chain_link" VALUES(6,'journal_line','01a1fcf5-5920-7f8a-a469-f258c1bad84d/1','4ec6160b38f92fe48d23f2ad07733e7de926b81f1254d39fd3f852ee3fd17e20');
INSERT INTO "chain_link" VALUES(7,'journal_line','01a1fcf5-5920-7f8a-a469-f258c1bad84d/2','a75306e01c0a5c9958245de2f11abb378da10a55d2594e939b3d658b296c2ce9');
INSERT INTO "chain_link" VALUES(8,'journal_line','01a1fcf5-5920-7f8a-a469-f258c1bad84d/3','929449b16a566e8d018f72abbee186b6a2a01c69c89986449ce446d3f6978fad');
INSERT INTO "chain_link" VALUES(9,'journal_entry','01a1fcf5-5920-7f8a-a469-f258c1bad84d','9a448c0e517edd0a066252f6058c34a37ce9f0a7ea94df46038b9b425b4c2552');
INSERT INTO "chain_link" VALUES(10,'receipt','S014-T1-A-000001','edf8f77fb019b6e5bd7ec79db70e8ab6cd5c9b1ad075fd1c5edbf75e93787808');
INSERT INTO "chain_link" VALUES(11,'audit','2','ab48a11f33e684b177fbe81f0d190a5680f5d9919e8fd1120898f859e2576c4b');
INSERT INTO "chain_link" VALUES(12,'journal_line','01a1fcf5-5920-7743-a725-c3760e38c026/1','595c72a0d5e1b11867ca4bc38bfff9678c4aefc6f170d9d1a8a238c90e2c0caa');
INSERT INTO "chain_link" VALUES(13,'journal_line','01a1fcf5-5920-7743-a725-c3760e38c026/2','2b859da33a1cc40d94e5ee999ac3006dd1495d8b41a0b6e1fda26b3fbf566a63');
INSERT INTO "chain_link" VALUES(14,'journal_entry','01a1fcf5-5920-7743-a725-c3760e38c026','085c40b3315bbf451ce019ca194bb638f7e060b597c55a9f36a77937268d22fc');
INSERT INTO "chain_link" VALUES(15,'receipt','S014-T1-A-000002','e2e95268c1c34983586a237d8475b1b174aa1e7a48fe5a6d1ebad52e46505c99');
INSERT INTO "chain_link" VALUES(16,'audit','3','cfec8f26b5bb638dcb65984b687254ededa3be1a1757a3101c168f40b81e7fbe');
INSERT INTO "chain_link" VALUES(17,'shift_count','01a1fcf5-5920-702a-bfe9-84c843a728db','6cd8bb280d6f92f48c4cdb8ba969b82eb8f6d1f89012564a2882cc77d9573295');
INSERT INTO "chain_link" VALUES(18,'audit','4','87f448c117126b756440d98cf6f2f21c9e298ba984ef6b3fd7e97cf787f9860d');
INSERT INTO "chain_link" VALUES(19,'shift_close','01a1fcf5-5920-734b-902b-82f5f74266bc','377660728419c9cb098ee2e524bfa5bde5a9f2da72230fac79eb3263cb5fc5e3');
INSERT INTO "chain_link" VALUES(20,'journal_line','01a1fcf5-5920-7d42-843d-97199a5a6dfe/1','5cf3389487411be534af4458525f704ac2a8aaaf9da18b82102b3e1ac7423ffd');
INSERT INTO "chain_link" VALUES(21,'journal_line','01a1fcf5-5920-7d42-843d-97199a5a6dfe/2','15e1e578bf1c2a5a95a651914e4b55aa14f600b2326efe6b08038ddacfcb012f');
INSERT INTO "chain_link" VALUES(22,'journal_entry','01a1fcf5-5920-7d42-843d-97199a5a6dfe','be1258f04d8f1006b16b371b0732ef74fd243d871e3c49c2d7e7da29ba965758');
INSERT INTO "chain_link" VALUES(23,'audit','5','1bb481b67d0cb201510b23657de4d14ea8596e86496b66c06a2c5e161aa05d6c');
INSERT INTO "chain_link" VALUES(24,'shift','01a2013f-fb20-7f9f-9a8b-85a78b2573a4','f5fc1d172c5d5a0e7916b9f5bacf813981972470fc304c533ae6ab74ce2735f0');
INSERT INTO "chain_link" VALUES(25,'journal_line','01a2013f-fb20-79ae-a989-ce07519f798d/1','18e588aafe072b14cc8cb605930f234ac103b8d89f0532960eefb9af5ebfe674');
INSERT INTO "chain_link" VALUES(26,'journal_line','01a2013f-fb20-79ae-a989-ce07519f798d/2','8beb46c95d69e6e28b522d81e34294bab573522b35cb3172e37172cf1b52e3a3');
INSERT INTO "chain_link" VALUES(27,'journal_entry','01a2013f-fb20-79ae-a989-ce07519f798d','d364746a27f9157ac9a5a996662892a6818aea893fb8c7b2871f0b924d5958da');
INSERT INTO "chain_link" VALUES(28,'audit','6','c21848e62c56d757f090c8f56ed47e5c345504eab6a41d0aa7bbe6d005130f2c');
INSERT INTO "chain_link" VALUES(29,'journal_line','01a2013f-fb20-7d7f-b8cf-55afa4adbdb4/1','1c141a2d238f63ae0e3e69b01947791fa0bd89f8de816dc94404f04fe24c26ed');
INSERT INTO "chain_link" VALUES(30,'journal_line','01a2013f-fb20-7d7f-b8cf-55afa4adbdb4/2','859ab236e601393f997a28083b69969893537a81d1a26bcdf32e88bdd78cc511');
INSERT INTO "chain_link" VALUES(31,'journal_line','01a2013f-fb20-7d7f-b8cf-55afa4adbdb4/3','95b9897e7fa00b428c641fed72d43771ba532b49c78c7772ce1eeff53f570d66');
INSERT INTO "chain_link" VALUES(32,'journal_line','01a2013f-fb20-7d7f-b8cf-55afa4adbdb4/4','adc9b4224db5ed0aeb82cc9296f8be87464a4c6c4ab7d31d70cc31a977508cb2');
INSERT INTO "chain_link" VALUES(33,'journal_entry','01a2013f-fb20-7d7f-b8cf-55afa4adbdb4','42c7bf010095dc90dba1032dbecc50121eb097f25cd5f1c27738a102fd3cb76a');
INSERT INTO "chain_link" VALUES(34,'receipt','S014-T1-A-000003','a0076699ea9c6dde6373347f08773550fe4470c1d69c9e8ea7588d9881fbe3b3');
INSERT INTO "chain_link" VALUES(35,'audit','7','cde1713cb9ef6e2cf880f377cfc10ad82f849fd8d28eb2c8646851a02617ba48');
INSERT INTO "chain_link" VALUES(36,'journal_line','01a2013f-fb20-7b2f-8855-410bd8eec70f/1','6a46b31ae3e447cad597df783edff83a32fad2217792ed6e0358982339c55ea0');
INSERT INTO "chain_link" VALUES(37,'journal_line','01a2013f-fb20-7b2f-8855-410bd8eec70f/2','7bbce608fef94494f41984353b818ccc89f4c4f1c274d1baac8d386ea19ff340');
INSERT INTO "chain_link" VALUES(38,'journal_entry','01a2013f-fb20-7b2f-8855-410bd8eec70f','35ed851e2761e578c81a87b7c837716f5d9d9e9b9302357846d81ca96816d946');
INSERT INTO "chain_link" VALUES(39,'receipt','S014-T1-A-000004','2f890ca687165fb2f7ecad24f1772c1e8db284f43924081710167fd85c2dd905');
INSERT INTO "chain_link" VALUES(40,'audit','8','c42225e28ccc81971d7e602b0aabccdbf2607520b731ccd0bb95d4564e9a29d9');
INSERT INTO "chain_link" VALUES(41,'receipt_copy','S014-T1-A-000001/1','c43c6c5c4e2880b1c3715d99abeaeb7127c7409466d7aac0517bf885a6783096');
INSERT INTO "chain_link" VALUES(42,'audit','9','97caea79f5e7f3f0ea068ff14c7a58b0cb8157f4e0df970e4c64b98bd1c13d63');
INSERT INTO "chain_link" VALUES(43,'audit','10','410330ceed50bb772a413782b273655e760e50d3732b5ddd6d54657c43d0e57d');
CREATE TABLE cheque (
    cheque_id TEXT PRIMARY KEY,
    tender_id TEXT NOT NULL UNIQUE REFERENCES tender,
    bank TEXT NOT NULL,
    branch TEXT NOT NULL,
    bank_account TEXT NOT NULL,
    serial TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    cheque_date TEXT NOT NULL,
    UNIQUE (bank, branch, bank_account, serial)
) STRICT;
INSERT INTO "cheque" VALUES('01a1fcf5-5920-7791-af4f-54382be5ead4','01a1fcf5-5920-7839-8d87-bf694fa476c6','001','','','000123',10000,'KWD','2026-11-20');
CREATE TABLE cheque_event (
    cheque_id TEXT NOT NULL REFERENCES cheque,
    number INTEGER NOT NULL CHECK (number > 0),
    state TEXT NOT NULL,
    at_utc TEXT NOT NULL,
    operator TEXT NOT NULL,
    reason TEXT,
    PRIMARY KEY (cheque_id, number)
) STRICT, WITHOUT ROWID;
INSERT INTO "cheque_event" VALUES('01a1fcf5-5920-7791-af4f-54382be5ead4',1,'received','2026-11-21T07:15:00.000000Z','1001',NULL);
CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL CHECK (value >= 0)
) STRICT;
INSERT INTO "counter" VALUES('shift',2);
INSERT INTO "counter" VALUES('audit',10);
INSERT INTO "counter" VALUES('receipt:A',4);
INSERT INTO "counter" VALUES('sequence:1',4);
CREATE TABLE home (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
INSERT INTO "home" VALUES('terminal','T1');
INSERT INTO "home" VALUES('epoch','1');
INSERT INTO "home" VALUES('series','A');
INSERT INTO "home" VALUES('shop','{"shop": "S014", "name": "Salmiya Counter", "address": ["Salem Al Mubarak Street 12"], "tax_number": null}');
INSERT INTO "home" VALUES('currency','KWD');
INSERT INTO "home" VALUES('time_zone','Asia/Kuwait');
INSERT INTO "home" VALUES('central_url','http://127.0.0.1:1');
CREATE TABLE journal_entry (
    entry_id TEXT PRIMARY KEY,
    source_kind TEXT NOT NULL,
    source_id TEXT NOT NULL,
    business_date TEXT NOT NULL,
    booked_at_utc TEXT NOT NULL
) STRICT;
INSERT INTO "journal_entry" VALUES('01a1fcf5-5920-7a1d-8a85-9e4d55d60b29','shift_opened','01a1fcf5-5920-734b-902b-82f5f74266bc','2026-11-21','2026-11-21T07:15:00.000000Z');
INSERT INTO "journal_entry" VALUES('01a1fcf5-5920-7f8a-a469-f258c1bad84d','payment','01a1fcf5-5920-7574-8922-bc7aa03c3adf','2026-11-21','2026-11-21T07:15:00.000000Z');
INSERT INTO "journal_entry" VALUES('01a1fcf5-5920-7743-a725-c3760e38c026','payment','01a1fcf5-5920-707e-9085-f617e32f3a32','2026-11-21','2026-11-21T07:15:00.000000Z');
INSERT INTO "journal_entry" VALUES('01a1fcf5-5920-7d42-843d-97199a5a6dfe','shift_closed','01a1fcf5-5920-734b-902b-82f5f74266bc','2026-11-21','2026-11-21T07:15:00.000000Z');
INSERT INTO "journal_entry" VALUES('01a2013f-fb20-79ae-a989-ce07519f798d','shift_opened','01a2013f-fb20-7f9f-9a8b-85a78b2573a4','2026-11-22','2026-11-22T03:15:00.000000Z');
INSERT INTO "journal_entry" VALUES('01a2013f-fb20-7d7f-b8cf-55afa4adbdb4','payment','01a2013f-fb20-759c-9c57-32a7e1541e9d','2026-11-22','2026-11-22T03:15:00.000000Z');
INSERT INTO "journal_entry" VALUES('01a2013f-fb20-7b2f-8855-410bd8eec70f','payment','01a2013f-fb20-7170-a74e-62b2b99df3e5','2026-11-22','2026-11-22T03:15:00.000000Z');
CREATE TABLE journal_line (
    entry_id TEXT NOT NULL REFERENCES journal_entry DEFERRABLE INITIALLY DEFERRED,
    line_no INTEGER NOT NULL,
    ledger_account TEXT NOT NULL,
    account TEXT,
    debit_minor INTEGER NOT NULL CHECK (debit_minor >= 0),
    credit_minor INTEGER NOT NULL CHECK (credit_minor >= 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    PRIMARY KEY (entry_id, line_no),
    CHECK ((debit_minor = 0) <> (credit_minor = 0))
) STRICT, WITHOUT ROWID;
INSERT INTO "journal_line" VALUES('01a1fcf5-5920-7743-a725-c3760e38c026',1,'cash_in_till',NULL,100000,0,'KWD');
INSERT INTO "journal_line" VALUES('01a1fcf5-5920-7743-a725-c3760e38c026',2,'dealer_account','D-1',0,100000,'KWD');
INSERT INTO "journal_line" VALUES('01a1fcf5-5920-7a1d-8a85-9e4d55d60b29',1,'cash_in_till',NULL,20000,0,'KWD');
INSERT INTO "journal_line" VALUES('01a1fcf5-5920-7a1d-8a85-9e4d55d60b29',2,'safe',NULL,0,20000,'KWD');
INSERT INTO "journal_line" VALUES('01a1fcf5-5920-7d42-843d-97199a5a6dfe',1,'safe',NULL,164250,0,'KWD');
INSERT INTO "journal_line" VALUES('01a1fcf5-5920-7d42-843d-97199a5a6dfe',2,'cash_in_till',NULL,0,164250,'KWD');
INSERT INTO "journal_line" VALUES('01a1fcf5-5920-7f8a-a469-f258c1bad84d',1,'cheques_in_hand',NULL,10000,0,'KWD');
INSERT INTO "journal_line" VALUES('01a1fcf5-5920-7f8a-a469-f258c1bad84d',2,'cash_in_till',NULL,44250,0,'KWD');
INSERT INTO "journal_line" VALUES('01a1fcf5-5920-7f8a-a469-f258c1bad84d',3,'receivable','BA-1',0,54250,'KWD');
INSERT INTO "journal_line" VALUES('01a2013f-fb20-79ae-a989-ce07519f798d',1,'cash_in_till',NULL,5000,0,'KWD');
INSERT INTO "journal_line" VALUES('01a2013f-fb20-79ae-a989-ce07519f798d',2,'safe',NULL,0,5000,'KWD');
INSERT INTO "journal_line" VALUES('01a2013f-fb20-7b2f-8855-410bd8eec70f',1,'cash_in_till',NULL,7000,0,'KWD');
INSERT INTO "journal_line" VALUES('01a2013f-fb20-7b2f-8855-410bd8eec70f',2,'customer_credit','BA-3',0,7000,'KWD');
INSERT INTO "journal_line" VALUES('01a2013f-fb20-7d7f-b8cf-55afa4adbdb4',1,'cash_in_till',NULL,15005,0,'KWD');
INSERT INTO "journal_line" VALUES('01a2013f-fb20-7d7f-b8cf-55afa4adbdb4',2,'receivable','BA-5',0,5005,'KWD');
INSERT INTO "journal_line" VALUES('01a2013f-fb20-7d7f-b8cf-55afa4adbdb4',3,'receivable','BA-4',0,9000,'KWD');
INSERT INTO "journal_line" VALUES('01a2013f-fb20-7d7f-b8cf-55afa4adbdb4',4,'customer_credit','BA-2',0,1000,'KWD');
CREATE TABLE leg (
    payment_event_id TEXT NOT NULL REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    leg INTEGER NOT NULL,
    tender_id TEXT NOT NULL REFERENCES tender,
    account TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    PRIMARY KEY (payment_event_id, leg)
) STRICT;
INSERT INTO "leg" VALUES('01a1fcf5-5920-7574-8922-bc7aa03c3adf',1,'01a1fcf5-5920-7839-8d87-bf694fa476c6','BA-1',10000,'KWD');
INSERT INTO "leg" VALUES('01a1fcf5-5920-7574-8922-bc7aa03c3adf',2,'01a1fcf5-5920-7efd-bec5-9a3a188345fe','BA-1',44250,'KWD');
INSERT INTO "leg" VALUES('01a1fcf5-5920-707e-9085-f617e32f3a32',1,'01a1fcf5-5920-7412-a843-f10bdcb327f9','D-1',100000,'KWD');
INSERT INTO "leg" VALUES('01a2013f-fb20-759c-9c57-32a7e1541e9d',1,'01a2013f-fb20-7676-b62c-0177ab4f2469','BA-5',5005,'KWD');
INSERT INTO "leg" VALUES('01a2013f-fb20-759c-9c57-32a7e1541e9d',2,'01a2013f-fb20-7676-b62c-0177ab4f2469','BA-4',9000,'KWD');
INSERT INTO "leg" VALUES('01a2013f-fb20-759c-9c57-32a7e1541e9d',3,'01a2013f-fb20-7676-b62c-0177ab4f2469','BA-2',1000,'KWD');
INSERT INTO "leg" VALUES('01a2013f-fb20-7170-a74e-62b2b99df3e5',1,'01a2013f-fb20-7707-b828-45c0f45b1670','BA-3',7000,'KWD');
CREATE TABLE outbox (
    outbox_id INTEGER PRIMARY KEY AUTOINCREMENT,
    payment_event_id TEXT NOT NULL REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    leg INTEGER NOT NULL,
    correlator_id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    account TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'unknown', 'parked', 'acknowledged')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at_utc TEXT,
    body BLOB,
    server_id TEXT,
    server_href TEXT,
    applied_change INTEGER,
    reason TEXT,
    changed_at_utc TEXT NOT NULL,
    UNIQUE (payment_event_id, leg),
    CHECK (state IN ('waiting', 'parked') OR body IS NOT NULL),
    CHECK ((state = 'acknowledged') = (server_id IS NOT NULL))
) STRICT;
INSERT INTO "outbox" VALUES(1,'01a1fcf5-5920-7574-8922-bc7aa03c3adf',1,'01a1fcf5-5920-7574-8922-bc7aa03c3adf-1','payment','BA-1','waiting',0,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-21T07:15:00.000000Z');
INSERT INTO "outbox" VALUES(2,'01a1fcf5-5920-7574-8922-bc7aa03c3adf',2,'01a1fcf5-5920-7574-8922-bc7aa03c3adf-2','payment','BA-1','waiting',0,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-21T07:15:00.000000Z');
INSERT INTO "outbox" VALUES(3,'01a1fcf5-5920-707e-9085-f617e32f3a32',1,'01a1fcf5-5920-707e-9085-f617e32f3a32-1','payment','D-1','waiting',0,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-21T07:15:00.000000Z');
INSERT INTO "outbox" VALUES(4,'01a2013f-fb20-759c-9c57-32a7e1541e9d',1,'01a2013f-fb20-759c-9c57-32a7e1541e9d-1','payment','BA-5','waiting',0,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-22T03:15:00.000000Z');
INSERT INTO "outbox" VALUES(5,'01a2013f-fb20-759c-9c57-32a7e1541e9d',2,'01a2013f-fb20-759c-9c57-32a7e1541e9d-2','payment','BA-4','waiting',0,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-22T03:15:00.000000Z');
INSERT INTO "outbox" VALUES(6,'01a2013f-fb20-759c-9c57-32a7e1541e9d',3,'01a2013f-fb20-759c-9c57-32a7e1541e9d-3','payment','BA-2','waiting',0,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-22T03:15:00.000000Z');
INSERT INTO "outbox" VALUES(7,'01a2013f-fb20-7170-a74e-62b2b99df3e5',1,'01a2013f-fb20-7170-a74e-62b2b99df3e5-1','payment','BA-3','waiting',0,NULL,NULL,NULL,NULL,NULL,NULL,'2026-11-22T03:15:00.000000Z');
CREATE TABLE payer_person (
    payment_event_id TEXT PRIMARY KEY REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    salt TEXT NOT NULL,
    name TEXT NOT NULL
) STRICT;
INSERT INTO "payer_person" VALUES('01a1fcf5-5920-7574-8922-bc7aa03c3adf','2ebe9c5f31e6da061103ee3e670184f2','Zoë O''Brien');
INSERT INTO "payer_person" VALUES('01a1fcf5-5920-707e-9085-f617e32f3a32','c0b074d6ab5c114dd81fcfec2b8f6cec','Gulf Mobile Corner');
INSERT INTO "payer_person" VALUES('01a2013f-fb20-759c-9c57-32a7e1541e9d','e8abd919f2d2663dcb4c5600c88622ca','Zoë O''Brien');
INSERT INTO "payer_person" VALUES('01a2013f-fb20-7170-a74e-62b2b99df3e5','f6071011bd0011cd164aaa71d5efb0a3','李伟');
CREATE TABLE payment (
    payment_id TEXT PRIMARY KEY,
    payment_event_id TEXT NOT NULL REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    account TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL,
    UNIQUE (payment_event_id, account)
) STRICT;
INSERT INTO "payment" VALUES('01a1fcf5-5920-7cc1-9c55-e431342966a5','01a1fcf5-5920-7574-8922-bc7aa03c3adf','BA-1',54250,'KWD');
INSERT INTO "payment" VALUES('01a1fcf5-5920-7c50-a2a0-334ce50fbb6b','01a1fcf5-5920-707e-9085-f617e32f3a32','D-1',100000,'KWD');
INSERT INTO "payment" VALUES('01a2013f-fb20-749b-8aa9-3930ddbebf1a','01a2013f-fb20-759c-9c57-32a7e1541e9d','BA-5',5005,'KWD');
INSERT INTO "payment" VALUES('01a2013f-fb20-75c7-bf74-8193ca972433','01a2013f-fb20-759c-9c57-32a7e1541e9d','BA-4',9000,'KWD');
INSERT INTO "payment" VALUES('01a2013f-fb20-744f-959b-899f0bc8c0c0','01a2013f-fb20-759c-9c57-32a7e1541e9d','BA-2',1000,'KWD');
INSERT INTO "payment" VALUES('01a2013f-fb20-7928-afb2-21bb808eedb5','01a2013f-fb20-7170-a74e-62b2b99df3e5','BA-3',7000,'KWD');
CREATE TABLE payment_event (
    payment_event_id TEXT PRIMARY KEY,
    receipt_number TEXT NOT NULL UNIQUE REFERENCES receipt DEFERRABLE INITIALLY DEFERRED,
    terminal TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    shift_id TEXT NOT NULL REFERENCES shift,
    business_date TEXT NOT NULL,
    taken_at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    operator TEXT NOT NULL,
    payer_kind TEXT NOT NULL CHECK (payer_kind IN ('subscriber', 'dealer', 'walk_in')),
    payer_account TEXT NOT NULL,
    payer_digest TEXT,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    UNIQUE (terminal, epoch, sequence)
) STRICT;
INSERT INTO "payment_event" VALUES('01a1fcf5-5920-7574-8922-bc7aa03c3adf','S014-T1-A-000001','T1',1,1,'01a1fcf5-5920-734b-902b-82f5f74266bc','2026-11-21','2026-11-21T07:15:00.000000Z',180,'1001','subscriber','BA-1','cc3cc16b3c50d96f048998baabb5e6824b1a3944b1dec8ab01f5b6d45f07e9d9',54250,'KWD');
INSERT INTO "payment_event" VALUES('01a1fcf5-5920-707e-9085-f617e32f3a32','S014-T1-A-000002','T1',1,2,'01a1fcf5-5920-734b-902b-82f5f74266bc','2026-11-21','2026-11-21T07:15:00.000000Z',180,'1001','dealer','D-1','051ddbd8e02b94a9d48f763dd66f3a56e82cdc60bfb76c80cadf47e239181d9b',100000,'KWD');
INSERT INTO "payment_event" VALUES('01a2013f-fb20-759c-9c57-32a7e1541e9d','S014-T1-A-000003','T1',1,3,'01a2013f-fb20-7f9f-9a8b-85a78b2573a4','2026-11-22','2026-11-22T03:15:00.000000Z',180,'1001','subscriber','BA-1','5ca07e160c4f2ce02b5e9e05bef7a4ad98a6bea2b32133c6ce83e0e876b0aab1',15005,'KWD');
INSERT INTO "payment_event" VALUES('01a2013f-fb20-7170-a74e-62b2b99df3e5','S014-T1-A-000004','T1',1,4,'01a2013f-fb20-7f9f-9a8b-85a78b2573a4','2026-11-22','2026-11-22T03:15:00.000000Z',180,'1001','subscriber','BA-3','ce99c92ac1ba43895759810aeb5688b2dd98404831753374db197705c4e9803f',7000,'KWD');
CREATE TABLE person (
    user TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    roles TEXT NOT NULL,
    dealer TEXT,
    pin_hash TEXT NOT NULL,
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    updated_at_utc TEXT NOT NULL
) STRICT;
INSERT INTO "person" VALUES('1001','A. Kumar','cashier',NULL,'cheap:dec58ab7d7f9fb6bd366cea633274ef3632f8eaa823bf811c14bed255d60e339',1,'2026-11-21T07:15:00.000000Z');
INSERT INTO "person" VALUES('1002','Zoë Çelik','cashier',NULL,'cheap:4c14bd88fbe9887a158b1ea4d8323a9e9fa9b80cc66b9baedd477485c3a332b9',1,'2026-11-21T07:15:00.000000Z');
INSERT INTO "person" VALUES('2002','Siobhán O''Brien','supervisor',NULL,'cheap:da1ac54be13f42a0047384eaef8e66234f254d3587cba303d8e3f3f00e1266bf',1,'2026-11-21T07:15:00.000000Z');
INSERT INTO "person" VALUES('3001','Rami Haddad','dealer','D-1','cheap:56bff9ce9a661a38a0139e2dbb4c6e0c99c50d727e7218dd90f7b2053630aa70',1,'2026-11-21T07:15:00.000000Z');
INSERT INTO "person" VALUES('4001','Fahad Al-Enezi','back_office',NULL,'cheap:2950a7746afaecf02cd07672aaa74fb2347f1802c9b884fcc304824035ae2405',1,'2026-11-21T07:15:00.000000Z');
INSERT INTO "person" VALUES('5001','Ingrid Sørensen','admin',NULL,'cheap:90b1fc044bfe0837dbd28a13862d79989f2e908e1b9eb20dfc5fbad54940b3ba',1,'2026-11-21T07:15:00.000000Z');
INSERT INTO "person" VALUES('6001','Priya Raman','auditor',NULL,'cheap:2809cc33ad8562880fcdd62b50cdfcebf95ec8f5a9d07ba8c8722b1ed211e914',1,'2026-11-21T07:15:00.000000Z');
INSERT INTO "person" VALUES('1009','Gone Away','cashier',NULL,'cheap:4743bbb0fb93fcc2b6791649aaaf871736f1bd49887847bcb07976dac1c4bbef',0,'2026-11-21T07:15:00.000000Z');
CREATE TABLE pin_try (
    subject TEXT PRIMARY KEY,
    failures INTEGER NOT NULL CHECK (failures >= 0),
    locked_until_utc TEXT
) STRICT;
CREATE TABLE print_job (
    job_id INTEGER PRIMARY KEY,
    receipt_number TEXT NOT NULL REFERENCES receipt,
    copy_number INTEGER NOT NULL CHECK (copy_number >= 0),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'printed', 'failed')),
    attempts INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    changed_at_utc TEXT NOT NULL,
    UNIQUE (receipt_number, copy_number)
) STRICT;
INSERT INTO "print_job" VALUES(1,'S014-T1-A-000001',0,'waiting',0,NULL,'2026-11-21T07:15:00.000000Z');
INSERT INTO "print_job" VALUES(2,'S014-T1-A-000002',0,'waiting',0,NULL,'2026-11-21T07:15:00.000000Z');
INSERT INTO "print_job" VALUES(3,'S014-T1-A-000003',0,'waiting',0,NULL,'2026-11-22T03:15:00.000000Z');
INSERT INTO "print_job" VALUES(4,'S014-T1-A-000004',0,'waiting',0,NULL,'2026-11-22T03:15:00.000000Z');
INSERT INTO "print_job" VALUES(5,'S014-T1-A-000001',1,'waiting',0,NULL,'2026-11-22T03:15:00.000000Z');
CREATE TABLE receipt (
    receipt_number TEXT PRIMARY KEY,
    series TEXT NOT NULL,
    counter INTEGER NOT NULL CHECK (counter > 0),
    kind TEXT NOT NULL,
    payment_event_id TEXT NOT NULL REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    issued_at_utc TEXT NOT NULL,
    facts_json TEXT NOT NULL,
    UNIQUE (series, counter)
) STRICT;
INSERT INTO "receipt" VALUES('S014-T1-A-000001','A',1,'payment','01a1fcf5-5920-7574-8922-bc7aa03c3adf','2026-11-21T07:15:00.000000Z','{"shop":{"shop":"S014","name":"Salmiya Counter","address":["Salem Al Mubarak Street 12"],"tax_number":null},"terminal":"T1","shift_number":1,"business_date":"2026-11-21","taken_at":"2026-11-21T10:15:00+03:00","operator":"1001","operator_name":"A. Kumar","payer_kind":"subscriber","payer_account":"BA-1","currency":"KWD","total":54250,"change":5750,"credit":0,"tenders":[["cheque","Cheque",10000,[["serial","000123"],["bank","001"],["drawer",null],["date","2026-11-20"]]],["cash","Cash",50000,[]]],"allocations":[["BA-1","7781",41750,41750,0],["BA-1","7782",12500,12500,0]],"chain_mark":"9a44-8c0e-517e","notes":[]}');
INSERT INTO "receipt" VALUES('S014-T1-A-000002','A',2,'payment','01a1fcf5-5920-707e-9085-f617e32f3a32','2026-11-21T07:15:00.000000Z','{"shop":{"shop":"S014","name":"Salmiya Counter","address":["Salem Al Mubarak Street 12"],"tax_number":null},"terminal":"T1","shift_number":1,"business_date":"2026-11-21","taken_at":"2026-11-21T10:15:00+03:00","operator":"1001","operator_name":"A. Kumar","payer_kind":"dealer","payer_account":"D-1","currency":"KWD","total":100000,"change":0,"credit":100000,"tenders":[["cash","Cash",100000,[]]],"allocations":[["D-1",null,100000,null,null]],"chain_mark":"085c-40b3-315b","notes":[]}');
INSERT INTO "receipt" VALUES('S014-T1-A-000003','A',3,'payment','01a2013f-fb20-759c-9c57-32a7e1541e9d','2026-11-22T03:15:00.000000Z','{"shop":{"shop":"S014","name":"Salmiya Counter","address":["Salem Al Mubarak Street 12"],"tax_number":null},"terminal":"T1","shift_number":2,"business_date":"2026-11-22","taken_at":"2026-11-22T06:15:00+03:00","operator":"1001","operator_name":"A. Kumar","payer_kind":"subscriber","payer_account":"BA-1","currency":"KWD","total":15005,"change":4995,"credit":1000,"tenders":[["cash","Cash",20000,[]]],"allocations":[["BA-5","7798",5005,5005,0],["BA-4","7796",9000,9000,0],["BA-2",null,1000,null,null]],"chain_mark":"42c7-bf01-0095","notes":[]}');
INSERT INTO "receipt" VALUES('S014-T1-A-000004','A',4,'payment','01a2013f-fb20-7170-a74e-62b2b99df3e5','2026-11-22T03:15:00.000000Z','{"shop":{"shop":"S014","name":"Salmiya Counter","address":["Salem Al Mubarak Street 12"],"tax_number":null},"terminal":"T1","shift_number":2,"business_date":"2026-11-22","taken_at":"2026-11-22T06:15:00+03:00","operator":"1001","operator_name":"A. Kumar","payer_kind":"subscriber","payer_account":"BA-3","currency":"KWD","total":7000,"change":0,"credit":7000,"tenders":[["cash","Cash",7000,[]]],"allocations":[["BA-3",null,7000,null,null]],"chain_mark":"35ed-851e-2761","notes":[]}');
CREATE TABLE receipt_copy (
    receipt_number TEXT NOT NULL REFERENCES receipt,
    number INTEGER NOT NULL CHECK (number > 0),
    asked_at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    operator TEXT NOT NULL,
    reason TEXT,
    PRIMARY KEY (receipt_number, number)
) STRICT, WITHOUT ROWID;
INSERT INTO "receipt_copy" VALUES('S014-T1-A-000001',1,'2026-11-22T03:15:00.000000Z',180,'1001','Customer asked for a copy');
CREATE TABLE script_ref (
    ref TEXT PRIMARY KEY,
    body_digest TEXT NOT NULL,
    result_json TEXT NOT NULL,
    at_utc TEXT NOT NULL
) STRICT;
INSERT INTO "script_ref" VALUES('a1','dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd','{"shift": "x"}','2026-11-22T03:15:00.000000Z');
CREATE TABLE shift (
    shift_id TEXT PRIMARY KEY,
    number INTEGER NOT NULL UNIQUE,
    terminal TEXT NOT NULL,
    operator TEXT NOT NULL,
    business_date TEXT NOT NULL,
    opened_at_utc TEXT NOT NULL,
    utc_offset_min INTEGER NOT NULL,
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    float_minor INTEGER NOT NULL CHECK (float_minor >= 0)
) STRICT;
INSERT INTO "shift" VALUES('01a1fcf5-5920-734b-902b-82f5f74266bc',1,'T1','1001','2026-11-21','2026-11-21T07:15:00.000000Z',180,'KWD',20000);
INSERT INTO "shift" VALUES('01a2013f-fb20-7f9f-9a8b-85a78b2573a4',2,'T1','1001','2026-11-22','2026-11-22T03:15:00.000000Z',180,'KWD',5000);
CREATE TABLE shift_close (
    shift_id TEXT PRIMARY KEY REFERENCES shift,
    closed_at_utc TEXT NOT NULL,
    operator TEXT NOT NULL,
    count_id TEXT NOT NULL REFERENCES shift_count,
    expected_cash_minor INTEGER NOT NULL,
    counted_cash_minor INTEGER NOT NULL CHECK (counted_cash_minor >= 0),
    over_short_minor INTEGER NOT NULL,
    expected_cheque_count INTEGER NOT NULL,
    expected_cheque_minor INTEGER NOT NULL,
    reason TEXT,
    totals_json TEXT NOT NULL,
    CHECK (over_short_minor = counted_cash_minor - expected_cash_minor)
) STRICT;
INSERT INTO "shift_close" VALUES('01a1fcf5-5920-734b-902b-82f5f74266bc','2026-11-21T07:15:00.000000Z','1001','01a1fcf5-5920-702a-bfe9-84c843a728db',164250,164250,0,1,10000,'counted','{"cash": [2, 144250], "cheque": [1, 10000]}');
CREATE TABLE shift_count (
    count_id TEXT PRIMARY KEY,
    shift_id TEXT NOT NULL REFERENCES shift,
    number INTEGER NOT NULL CHECK (number BETWEEN 1 AND 99),
    counted_at_utc TEXT NOT NULL,
    operator TEXT NOT NULL,
    cash_minor INTEGER NOT NULL CHECK (cash_minor >= 0),
    cheque_count INTEGER NOT NULL CHECK (cheque_count >= 0),
    cheque_minor INTEGER NOT NULL CHECK (cheque_minor >= 0),
    payments_before INTEGER NOT NULL CHECK (payments_before >= 0),
    UNIQUE (shift_id, number)
) STRICT;
INSERT INTO "shift_count" VALUES('01a1fcf5-5920-702a-bfe9-84c843a728db','01a1fcf5-5920-734b-902b-82f5f74266bc',1,'2026-11-21T07:15:00.000000Z','1001',164250,1,10000,2);
CREATE TABLE tender (
    tender_id TEXT PRIMARY KEY,
    payment_event_id TEXT NOT NULL REFERENCES payment_event DEFERRABLE INITIALLY DEFERRED,
    number INTEGER NOT NULL,
    mode TEXT NOT NULL,
    amount_minor INTEGER NOT NULL CHECK (amount_minor > 0),
    change_minor INTEGER NOT NULL CHECK (change_minor >= 0 AND change_minor < amount_minor),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    details_json TEXT NOT NULL,
    person_digest TEXT,
    UNIQUE (payment_event_id, number),
    CHECK (change_minor = 0 OR mode = 'cash')
) STRICT;
INSERT INTO "tender" VALUES('01a1fcf5-5920-7839-8d87-bf694fa476c6','01a1fcf5-5920-7574-8922-bc7aa03c3adf',1,'cheque',10000,0,'KWD','{"serial": "000123", "bank": "001", "date": "2026-11-20"}','fc48e5a6ea3ab6a087d5c64f8049bac6e95bc2dbcb04af0860469f4450f8dd3b');
INSERT INTO "tender" VALUES('01a1fcf5-5920-7efd-bec5-9a3a188345fe','01a1fcf5-5920-7574-8922-bc7aa03c3adf',2,'cash',50000,5750,'KWD','{}',NULL);
INSERT INTO "tender" VALUES('01a1fcf5-5920-7412-a843-f10bdcb327f9','01a1fcf5-5920-707e-9085-f617e32f3a32',1,'cash',100000,0,'KWD','{}',NULL);
INSERT INTO "tender" VALUES('01a2013f-fb20-7676-b62c-0177ab4f2469','01a2013f-fb20-759c-9c57-32a7e1541e9d',1,'cash',20000,4995,'KWD','{}',NULL);
INSERT INTO "tender" VALUES('01a2013f-fb20-7707-b828-45c0f45b1670','01a2013f-fb20-7170-a74e-62b2b99df3e5',1,'cash',7000,0,'KWD','{}',NULL);
CREATE TABLE tender_person (
    tender_id TEXT PRIMARY KEY REFERENCES tender,
    salt TEXT NOT NULL,
    details_json TEXT NOT NULL
) STRICT;
INSERT INTO "tender_person" VALUES('01a1fcf5-5920-7839-8d87-bf694fa476c6','b22356453d8c62f2291eb686097f8952','{"drawer": "محمد العنزي"}');
CREATE TRIGGER one_open_shift BEFORE INSERT ON shift
WHEN EXISTS (SELECT 1 FROM shift LEFT JOIN shift_close USING (shift_id) WHERE shift_close.shift_id IS NULL)
BEGIN SELECT RAISE(ABORT, 'a shift is open already'); END;
CREATE TRIGGER no_count_after_close BEFORE INSERT ON shift_count
WHEN EXISTS (SELECT 1 FROM shift_close WHERE shift_id = NEW.shift_id)
BEGIN SELECT RAISE(ABORT, 'the shift is closed'); END;
CREATE INDEX payment_event_by_shift ON payment_event (shift_id);
CREATE INDEX payment_event_by_account ON payment_event (payer_account);
CREATE INDEX allocation_by_bill ON allocation (bill_no) WHERE bill_no IS NOT NULL;
CREATE INDEX allocation_by_account ON allocation (account);
CREATE TRIGGER event_balances BEFORE INSERT ON payment_event
BEGIN
    SELECT RAISE(ABORT, 'the tenders do not make the amount') WHERE NEW.amount_minor IS NOT (
        SELECT sum(amount_minor - change_minor) FROM tender
        WHERE payment_event_id = NEW.payment_event_id AND currency = NEW.currency);
    SELECT RAISE(ABORT, 'the allocations do not make the amount') WHERE NEW.amount_minor IS NOT (
        SELECT sum(amount_minor) FROM allocation
        WHERE payment_event_id = NEW.payment_event_id AND currency = NEW.currency);
    SELECT RAISE(ABORT, 'the payments do not make the amount') WHERE NEW.amount_minor IS NOT (
        SELECT sum(amount_minor) FROM payment
        WHERE payment_event_id = NEW.payment_event_id AND currency = NEW.currency);
    SELECT RAISE(ABORT, 'the legs do not make the amount') WHERE NEW.amount_minor IS NOT (
        SELECT sum(amount_minor) FROM leg
        WHERE payment_event_id = NEW.payment_event_id AND currency = NEW.currency);
    SELECT RAISE(ABORT, 'the shift is closed') WHERE EXISTS (
        SELECT 1 FROM shift_close WHERE shift_id = NEW.shift_id);
END;
CREATE TRIGGER tender_before_event BEFORE INSERT ON tender
WHEN EXISTS (SELECT 1 FROM payment_event WHERE payment_event_id = NEW.payment_event_id)
BEGIN SELECT RAISE(ABORT, 'the payment event is complete'); END;
CREATE TRIGGER payment_before_event BEFORE INSERT ON payment
WHEN EXISTS (SELECT 1 FROM payment_event WHERE payment_event_id = NEW.payment_event_id)
BEGIN SELECT RAISE(ABORT, 'the payment event is complete'); END;
CREATE TRIGGER allocation_before_event BEFORE INSERT ON allocation
WHEN EXISTS (SELECT 1 FROM payment_event WHERE payment_event_id = NEW.payment_event_id)
BEGIN SELECT RAISE(ABORT, 'the payment event is complete'); END;
CREATE TRIGGER leg_before_event BEFORE INSERT ON leg
WHEN EXISTS (SELECT 1 FROM payment_event WHERE payment_event_id = NEW.payment_event_id)
BEGIN SELECT RAISE(ABORT, 'the payment event is complete'); END;
CREATE INDEX journal_entry_by_date ON journal_entry (business_date);
CREATE INDEX journal_entry_by_source ON journal_entry (source_id);
CREATE INDEX journal_line_by_ledger ON journal_line (ledger_account, currency, debit_minor, credit_minor);
CREATE TRIGGER entry_balances BEFORE INSERT ON journal_entry
BEGIN
    SELECT RAISE(ABORT, 'the entry does not balance') WHERE NOT EXISTS (
        SELECT 1 FROM journal_line WHERE entry_id = NEW.entry_id)
        OR EXISTS (SELECT 1 FROM journal_line WHERE entry_id = NEW.entry_id
                   GROUP BY currency HAVING sum(debit_minor) <> sum(credit_minor));
END;
CREATE TRIGGER line_before_entry BEFORE INSERT ON journal_line
WHEN EXISTS (SELECT 1 FROM journal_entry WHERE entry_id = NEW.entry_id)
BEGIN SELECT RAISE(ABORT, 'the entry is complete'); END;
CREATE INDEX receipt_by_event ON receipt (payment_event_id);
CREATE TRIGGER receipt_number_has_no_gap BEFORE INSERT ON receipt
WHEN NEW.counter <> 1 + (SELECT coalesce(max(counter), 0) FROM receipt WHERE series = NEW.series)
BEGIN SELECT RAISE(ABORT, 'the receipt number leaves a gap'); END;
CREATE INDEX print_job_waiting ON print_job (job_id) WHERE state = 'waiting';
CREATE INDEX outbox_unsent ON outbox (outbox_id) WHERE state <> 'acknowledged';
CREATE TRIGGER outbox_body_is_frozen BEFORE UPDATE OF body ON outbox
WHEN OLD.body IS NOT NULL AND NEW.body IS NOT OLD.body
BEGIN SELECT RAISE(ABORT, 'the body was frozen before the first send'); END;
CREATE TRIGGER outbox_keeps_its_key BEFORE UPDATE OF outbox_id, correlator_id, payment_event_id, leg, kind, account
ON outbox
BEGIN SELECT RAISE(ABORT, 'an outbox row keeps its key'); END;
CREATE TRIGGER outbox_is_never_deleted BEFORE DELETE ON outbox
BEGIN SELECT RAISE(ABORT, 'outbox rows stay'); END;
CREATE TRIGGER acknowledged_is_final BEFORE UPDATE OF state ON outbox
WHEN OLD.state = 'acknowledged' AND NEW.state <> 'acknowledged'
BEGIN SELECT RAISE(ABORT, 'central has acknowledged this row'); END;
CREATE VIEW v_payment AS
SELECT payment_event_id, receipt_number, terminal, epoch, sequence, shift_id, business_date, taken_at_utc, operator,
       payer_kind, payer_account, amount_minor, currency, 'taken' AS state
FROM payment_event;
CREATE VIEW v_tender AS
SELECT tender_id, payment_event_id, mode, amount_minor, change_minor, currency, 'taken' AS state FROM tender;
CREATE VIEW v_allocation AS
SELECT allocation_id, payment_event_id, tender_id, account, bill_no, amount_minor, currency FROM allocation;
CREATE VIEW v_journal AS
SELECT line.entry_id, line.line_no, entry.business_date, entry.source_kind, entry.source_id, line.ledger_account,
       line.debit_minor, line.credit_minor, line.currency, line.account
FROM journal_line AS line JOIN journal_entry AS entry USING (entry_id);
CREATE VIEW v_receipt AS
SELECT receipt_number, series, counter, kind, payment_event_id,
       (SELECT count(*) FROM receipt_copy WHERE receipt_copy.receipt_number = receipt.receipt_number) AS copies_printed
FROM receipt;
CREATE VIEW v_shift AS
SELECT shift.shift_id, shift.operator, business_date, CASE WHEN shift_close.shift_id IS NULL THEN 'open' ELSE 'closed' END
       AS state, currency, float_minor, expected_cash_minor, counted_cash_minor, over_short_minor, shift.number
FROM shift LEFT JOIN shift_close USING (shift_id);
CREATE VIEW v_cheque AS
SELECT cheque_id, tender_id, bank, serial, amount_minor, currency, cheque_date,
       (SELECT state FROM cheque_event WHERE cheque_event.cheque_id = cheque.cheque_id ORDER BY number DESC LIMIT 1)
       AS state, branch, bank_account
FROM cheque;
CREATE VIEW v_refund AS
SELECT '' AS refund_id, '' AS payment_event_id, 0 AS amount_minor, '' AS currency, '' AS state WHERE 0;
CREATE VIEW v_transfer AS
SELECT '' AS transfer_id, '' AS payment_event_id, 0 AS amount_minor, '' AS currency, '' AS state,
       '' AS from_account, '' AS to_account WHERE 0;
CREATE VIEW v_outbox AS
SELECT outbox_id, payment_event_id, leg, correlator_id, kind, state, attempts, account, reason, next_attempt_at_utc,
       server_id
FROM outbox;
CREATE VIEW v_audit AS
SELECT audit_id, at_utc, operator, act, result, reason_code, shift_id, subject FROM audit;
CREATE TRIGGER shift_never_changes BEFORE UPDATE ON shift
BEGIN SELECT RAISE(ABORT, 'shift rows never change'); END;
CREATE TRIGGER shift_never_goes BEFORE DELETE ON shift
BEGIN SELECT RAISE(ABORT, 'shift rows are never removed'); END;
CREATE TRIGGER shift_count_never_changes BEFORE UPDATE ON shift_count
BEGIN SELECT RAISE(ABORT, 'shift_count rows never change'); END;
CREATE TRIGGER shift_count_never_goes BEFORE DELETE ON shift_count
BEGIN SELECT RAISE(ABORT, 'shift_count rows are never removed'); END;
CREATE TRIGGER shift_close_never_changes BEFORE UPDATE ON shift_close
BEGIN SELECT RAISE(ABORT, 'shift_close rows never change'); END;
CREATE TRIGGER shift_close_never_goes BEFORE DELETE ON shift_close
BEGIN SELECT RAISE(ABORT, 'shift_close rows are never removed'); END;
CREATE TRIGGER payment_event_never_changes BEFORE UPDATE ON payment_event
BEGIN SELECT RAISE(ABORT, 'payment_event rows never change'); END;
CREATE TRIGGER payment_event_never_goes BEFORE DELETE ON payment_event
BEGIN SELECT RAISE(ABORT, 'payment_event rows are never removed'); END;
CREATE TRIGGER tender_never_changes BEFORE UPDATE ON tender
BEGIN SELECT RAISE(ABORT, 'tender rows never change'); END;
CREATE TRIGGER tender_never_goes BEFORE DELETE ON tender
BEGIN SELECT RAISE(ABORT, 'tender rows are never removed'); END;
CREATE TRIGGER payment_never_changes BEFORE UPDATE ON payment
BEGIN SELECT RAISE(ABORT, 'payment rows never change'); END;
CREATE TRIGGER payment_never_goes BEFORE DELETE ON payment
BEGIN SELECT RAISE(ABORT, 'payment rows are never removed'); END;
CREATE TRIGGER allocation_never_changes BEFORE UPDATE ON allocation
BEGIN SELECT RAISE(ABORT, 'allocation rows never change'); END;
CREATE TRIGGER allocation_never_goes BEFORE DELETE ON allocation
BEGIN SELECT RAISE(ABORT, 'allocation rows are never removed'); END;
CREATE TRIGGER leg_never_changes BEFORE UPDATE ON leg
BEGIN SELECT RAISE(ABORT, 'leg rows never change'); END;
CREATE TRIGGER leg_never_goes BEFORE DELETE ON leg
BEGIN SELECT RAISE(ABORT, 'leg rows are never removed'); END;
CREATE TRIGGER journal_entry_never_changes BEFORE UPDATE ON journal_entry
BEGIN SELECT RAISE(ABORT, 'journal_entry rows never change'); END;
CREATE TRIGGER journal_entry_never_goes BEFORE DELETE ON journal_entry
BEGIN SELECT RAISE(ABORT, 'journal_entry rows are never removed'); END;
CREATE TRIGGER journal_line_never_changes BEFORE UPDATE ON journal_line
BEGIN SELECT RAISE(ABORT, 'journal_line rows never change'); END;
CREATE TRIGGER journal_line_never_goes BEFORE DELETE ON journal_line
BEGIN SELECT RAISE(ABORT, 'journal_line rows are never removed'); END;
CREATE TRIGGER receipt_never_changes BEFORE UPDATE ON receipt
BEGIN SELECT RAISE(ABORT, 'receipt rows never change'); END;
CREATE TRIGGER receipt_never_goes BEFORE DELETE ON receipt
BEGIN SELECT RAISE(ABORT, 'receipt rows are never removed'); END;
CREATE TRIGGER receipt_copy_never_changes BEFORE UPDATE ON receipt_copy
BEGIN SELECT RAISE(ABORT, 'receipt_copy rows never change'); END;
CREATE TRIGGER receipt_copy_never_goes BEFORE DELETE ON receipt_copy
BEGIN SELECT RAISE(ABORT, 'receipt_copy rows are never removed'); END;
CREATE TRIGGER cheque_never_changes BEFORE UPDATE ON cheque
BEGIN SELECT RAISE(ABORT, 'cheque rows never change'); END;
CREATE TRIGGER cheque_never_goes BEFORE DELETE ON cheque
BEGIN SELECT RAISE(ABORT, 'cheque rows are never removed'); END;
CREATE TRIGGER cheque_event_never_changes BEFORE UPDATE ON cheque_event
BEGIN SELECT RAISE(ABORT, 'cheque_event rows never change'); END;
CREATE TRIGGER cheque_event_never_goes BEFORE DELETE ON cheque_event
BEGIN SELECT RAISE(ABORT, 'cheque_event rows are never removed'); END;
CREATE TRIGGER audit_never_changes BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'audit rows never change'); END;
CREATE TRIGGER audit_never_goes BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'audit rows are never removed'); END;
CREATE TRIGGER chain_link_never_changes BEFORE UPDATE ON chain_link
BEGIN SELECT RAISE(ABORT, 'chain_link rows never change'); END;
CREATE TRIGGER chain_link_never_goes BEFORE DELETE ON chain_link
BEGIN SELECT RAISE(ABORT, 'chain_link rows are never removed'); END;
CREATE TRIGGER script_ref_never_changes BEFORE UPDATE ON script_ref
BEGIN SELECT RAISE(ABORT, 'script_ref rows never change'); END;
CREATE TRIGGER script_ref_never_goes BEFORE DELETE ON script_ref
BEGIN SELECT RAISE(ABORT, 'script_ref rows are never removed'); END;
CREATE TRIGGER shift_never_replaced BEFORE INSERT ON shift
WHEN EXISTS (SELECT 1 FROM shift WHERE number = NEW.number)
   OR EXISTS (SELECT 1 FROM shift WHERE shift_id = NEW.shift_id)
   OR EXISTS (SELECT 1 FROM shift WHERE rowid = NEW.rowid)
BEGIN SELECT RAISE(ABORT, 'shift rows are never replaced'); END;
CREATE TRIGGER shift_count_never_replaced BEFORE INSERT ON shift_count
WHEN EXISTS (SELECT 1 FROM shift_count WHERE shift_id = NEW.shift_id AND number = NEW.number)
   OR EXISTS (SELECT 1 FROM shift_count WHERE count_id = NEW.count_id)
   OR EXISTS (SELECT 1 FROM shift_count WHERE rowid = NEW.rowid)
BEGIN SELECT RAISE(ABORT, 'shift_count rows are never replaced'); END;
CREATE TRIGGER shift_close_never_replaced BEFORE INSERT ON shift_close
WHEN EXISTS (SELECT 1 FROM shift_close WHERE shift_id = NEW.shift_id)
   OR EXISTS (SELECT 1 FROM shift_close WHERE rowid = NEW.rowid)
BEGIN SELECT RAISE(ABORT, 'shift_close rows are never replaced'); END;
CREATE TRIGGER payment_event_never_replaced BEFORE INSERT ON payment_event
WHEN EXISTS (SELECT 1 FROM payment_event WHERE terminal = NEW.terminal AND epoch = NEW.epoch AND sequence = NEW.sequence)
   OR EXISTS (SELECT 1 FROM payment_event WHERE receipt_number = NEW.receipt_number)
   OR EXISTS (SELECT 1 FROM payment_event WHERE payment_event_id = NEW.payment_event_id)
   OR EXISTS (SELECT 1 FROM payment_event WHERE rowid = NEW.rowid)
BEGIN SELECT RAISE(ABORT, 'payment_event rows are never replaced'); END;
CREATE TRIGGER tender_never_replaced BEFORE INSERT ON tender
WHEN EXISTS (SELECT 1 FROM tender WHERE payment_event_id = NEW.payment_event_id AND number = NEW.number)
   OR EXISTS (SELECT 1 FROM tender WHERE tender_id = NEW.tender_id)
   OR EXISTS (SELECT 1 FROM tender WHERE rowid = NEW.rowid)
BEGIN SELECT RAISE(ABORT, 'tender rows are never replaced'); END;
CREATE TRIGGER payment_never_replaced BEFORE INSERT ON payment
WHEN EXISTS (SELECT 1 FROM payment WHERE payment_event_id = NEW.payment_event_id AND account = NEW.account)
   OR EXISTS (SELECT 1 FROM payment WHERE payment_id = NEW.payment_id)
   OR EXISTS (SELECT 1 FROM payment WHERE rowid = NEW.rowid)
BEGIN SELECT RAISE(ABORT, 'payment rows are never replaced'); END;
CREATE TRIGGER allocation_never_replaced BEFORE INSERT ON allocation
WHEN EXISTS (SELECT 1 FROM allocation WHERE payment_event_id = NEW.payment_event_id AND number = NEW.number)
   OR EXISTS (SELECT 1 FROM allocation WHERE allocation_id = NEW.allocation_id)
   OR EXISTS (SELECT 1 FROM allocation WHERE rowid = NEW.rowid)
BEGIN SELECT RAISE(ABORT, 'allocation rows are never replaced'); END;
CREATE TRIGGER leg_never_replaced BEFORE INSERT ON leg
WHEN EXISTS (SELECT 1 FROM leg WHERE payment_event_id = NEW.payment_event_id AND leg = NEW.leg)
   OR EXISTS (SELECT 1 FROM leg WHERE rowid = NEW.rowid)
BEGIN SELECT RAISE(ABORT, 'leg rows are never replaced'); END;
CREATE TRIGGER journal_entry_never_replaced BEFORE INSERT ON journal_entry
WHEN EXISTS (SELECT 1 FROM journal_entry WHERE entry_id = NEW.entry_id)
   OR EXISTS (SELECT 1 FROM journal_entry WHERE rowid = NEW.rowid)
BEGIN SELECT RAISE(ABORT, 'journal_entry rows are never replaced'); END;
CREATE TRIGGER journal_line_never_replaced BEFORE INSERT ON journal_line
WHEN EXISTS (SELECT 1 FROM journal_line WHERE entry_id = NEW.entry_id AND line_no = NEW.line_no)
BEGIN SELECT RAISE(ABORT, 'journal_line rows are never replaced'); END;
CREATE TRIGGER receipt_never_replaced BEFORE INSERT ON receipt
WHEN EXISTS (SELECT 1 FROM receipt WHERE series = NEW.series AND counter = NEW.counter)
   OR EXISTS (SELECT 1 FROM receipt WHERE receipt_number = NEW.receipt_number)
   OR EXISTS (SELECT 1 FROM receipt WHERE rowid = NEW.rowid)
BEGIN SELECT RAISE(ABORT, 'receipt rows are never replaced'); END;
CREATE TRIGGER receipt_copy_never_replaced BEFORE INSERT ON receipt_copy
WHEN EXISTS (SELECT 1 FROM receipt_copy WHERE receipt_number = NEW.receipt_number AND number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'receipt_copy rows are never replaced'); END;
CREATE TRIGGER cheque_never_replaced BEFORE INSERT ON cheque
WHEN EXISTS (SELECT 1 FROM cheque WHERE bank = NEW.bank AND branch = NEW.branch AND bank_account = NEW.bank_account AND serial = NEW.serial)
   OR EXISTS (SELECT 1 FROM cheque WHERE tender_id = NEW.tender_id)
   OR EXISTS (SELECT 1 FROM cheque WHERE cheque_id = NEW.cheque_id)
   OR EXISTS (SELECT 1 FROM cheque WHERE rowid = NEW.rowid)
BEGIN SELECT RAISE(ABORT, 'cheque rows are never replaced'); END;
CREATE TRIGGER cheque_event_never_replaced BEFORE INSERT ON cheque_event
WHEN EXISTS (SELECT 1 FROM cheque_event WHERE cheque_id = NEW.cheque_id AND number = NEW.number)
BEGIN SELECT RAISE(ABORT, 'cheque_event rows are never replaced'); END;
CREATE TRIGGER audit_never_replaced BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE deed_id = NEW.deed_id)
   OR EXISTS (SELECT 1 FROM audit WHERE rowid = NEW.rowid)
BEGIN SELECT RAISE(ABORT, 'audit rows are never replaced'); END;
CREATE TRIGGER chain_link_never_replaced BEFORE INSERT ON chain_link
WHEN EXISTS (SELECT 1 FROM chain_link WHERE source = NEW.source AND row_key = NEW.row_key)
   OR EXISTS (SELECT 1 FROM chain_link WHERE rowid = NEW.rowid)
BEGIN SELECT RAISE(ABORT, 'chain_link rows are never replaced'); END;
CREATE TRIGGER script_ref_never_replaced BEFORE INSERT ON script_ref
WHEN EXISTS (SELECT 1 FROM script_ref WHERE ref = NEW.ref)
   OR EXISTS (SELECT 1 FROM script_ref WHERE rowid = NEW.rowid)
BEGIN SELECT RAISE(ABORT, 'script_ref rows are never replaced'); END;
CREATE TRIGGER outbox_never_replaced BEFORE INSERT ON outbox
WHEN EXISTS (SELECT 1 FROM outbox WHERE payment_event_id = NEW.payment_event_id AND leg = NEW.leg)
   OR EXISTS (SELECT 1 FROM outbox WHERE correlator_id = NEW.correlator_id)
   OR EXISTS (SELECT 1 FROM outbox WHERE rowid = NEW.rowid)
BEGIN SELECT RAISE(ABORT, 'outbox rows are never replaced'); END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('outbox',7);
COMMIT;
