-- What both sets of ratings have in common: a rating has no id and no label, so its id is made from the row. Of several
-- rows of a day with the same text the second has -2 behind its id.
create view named as
select *, hashed(customer_id || chr(10) || epoch_us(time) || chr(10) || item || chr(9) || chr(10)) as id,
    row_number() over (partition by customer_id, time, item) as repeat
from ratings;

create view samples as
select customer_id, id || case repeat when 1 then '' else '-' || repeat end as ranking_id, 0 as position, item,
    null::boolean as is_order, time as cutoff
from named;

create view codes as
select distinct item, item as code from (select item from ratings union all select item from actions);
