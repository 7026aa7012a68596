-- The newest 1000 actions of each sample that came strictly before it and are at most 365 days old, padded with 0.
create view coded as
select customer_id, time, type::tinyint as type, code
from actions join codes using (item);

create view known as
select s.customer_id, s.cutoff, max(a.time) as newest, list(a.code order by a.time desc, a.type desc, a.code desc) as codes,
    list(a.type order by a.time desc, a.type desc, a.code desc) as types
from (select distinct customer_id, cutoff from samples) s
join coded a on a.customer_id = s.customer_id and a.time < s.cutoff and a.time >= s.cutoff - interval 365 day
group by all;

create view histories as
select s.* exclude (position, item, cutoff),
    s.position::int as position,
    c.code::int as item_id,
    s.cutoff at time zone 'UTC' as cutoff,
    k.newest at time zone 'UTC' as last_action_time,
    least(coalesce(len(k.codes), 0), 1000)::int as history_length,
    list_resize(coalesce(k.codes, [])[:1000]::int[], 1000, 0) as actions,
    list_resize(coalesce(k.types, [])[:1000]::tinyint[], 1000, 0) as action_types,
    s.cutoff::date as dt
from samples s
join codes c using (item)
left join known k on k.customer_id = s.customer_id and k.cutoff = s.cutoff;
