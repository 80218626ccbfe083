"""The aggregations, one file each: its algebra, its null rules, its docstring."""

from platform_assets.aggregations.algebra import Aggregation as Aggregation
from platform_assets.aggregations.column import Column as Column
from platform_assets.aggregations.column import column_of as column_of
from platform_assets.aggregations.count import Count as Count
from platform_assets.aggregations.count_distinct import CountDistinct as CountDistinct
from platform_assets.aggregations.first_last import InOrder as InOrder
from platform_assets.aggregations.last_n import LastN as LastN
from platform_assets.aggregations.mean import Mean as Mean
from platform_assets.aggregations.min_max import Extreme as Extreme
from platform_assets.aggregations.mode import Mode as Mode
from platform_assets.aggregations.quantile import Quantile as Quantile
from platform_assets.aggregations.sum import Sum as Sum
from platform_assets.aggregations.time_since_last import TimeSinceLast as TimeSinceLast
from platform_assets.aggregations.top_k import TopK as TopK
from platform_assets.aggregations.variance import Spread as Spread
