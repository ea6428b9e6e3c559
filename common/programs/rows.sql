-- A million rows: inserted, indexed, grouped, joined, changed, deleted.
PRAGMA journal_mode = MEMORY;
PRAGMA threads = 0;
CREATE TABLE sale(id INTEGER PRIMARY KEY, shop INT, price INT, what TEXT);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n
                        WHERE i < 1000000)
INSERT INTO sale SELECT i, i * 7919 % 1000, i * 104729 % 9973,
                        'thing ' || (i * 31 % 20011) FROM n;
CREATE INDEX sale_shop ON sale(shop, price);
SELECT count(*), sum(price), min(what), max(what) FROM sale;
SELECT shop, count(*), sum(price) FROM sale GROUP BY shop ORDER BY 3 DESC, 1
  LIMIT 20;
SELECT what, count(*), group_concat(id, ' ') FROM sale WHERE id <= 200000
  GROUP BY what HAVING count(*) > 9 ORDER BY what LIMIT 20;
CREATE TABLE shop AS SELECT DISTINCT shop AS number,
                            printf('shop %04d', shop) AS name FROM sale;
SELECT name, max(price) FROM sale JOIN shop ON number = shop
  GROUP BY name ORDER BY name LIMIT 20;
UPDATE sale SET what = upper(what) || ' sold' WHERE id % 5 = 0;
DELETE FROM sale WHERE shop BETWEEN 100 AND 200;
SELECT count(*), sum(length(what)) FROM sale;
PRAGMA integrity_check;
