{{ shop_period('week_start_date') }}
