-- A step writes its entries and nothing else: how many a thread has is known from them. From here on a short text stands in
-- the payload; `body` is read and no longer written.
ALTER TABLE threads DROP COLUMN last_n;
