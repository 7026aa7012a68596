-- Flat impressions: a row is an item that was shown at the beginning of an hour, and a click on it or none. There is no
-- other log, so the clicks are the actions. Most devices are not known, so an address is a customer.
create view shown as
select id, device_ip, app_id, click = '1' as is_click, strptime(hour, '%y%m%d%H') as time
from read_csv(getvariable('folder') || '/train.csv', all_varchar = true);

create view samples as
select device_ip as customer_id, id as ranking_id, 0 as position, app_id as item, is_click as is_order, time as cutoff
from shown;

create view actions as
select device_ip as customer_id, app_id as item, time, 1 as type
from shown
where is_click;

create view codes as
select item, row_number() over (order by item) as code
from (select distinct item from samples);
