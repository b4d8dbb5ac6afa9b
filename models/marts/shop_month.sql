{{ shop_period('calendar_month') }}
